import { PRIORITIES, type StageName, shareOf, type VerdictOutcome } from '@conclave/contracts';

/** `shadow`, `5%`, `20%`, `50%`, `production`. */
export function stageLabel(stage: StageName): string {
  return stage === 'shadow' || stage === 'production' ? stage : percent(shareOf(stage));
}

/** `rules (no LLM)` or vendor and model. */
export function speakerLabel(speaker: { readonly adapter: string; readonly model: string }): string {
  return speaker.adapter === 'rules' ? 'rules (no LLM)' : `${speaker.adapter} ${speaker.model}`;
}

/** Mark of an outcome, for terminals. */
export function outcomeIcon(outcome: VerdictOutcome): string {
  return { pass: '✓', fail: '✗', inconclusive: '!', error: '!', running: '…', pending: '·' }[outcome];
}

/** A share as a percentage without needless digits: 0.05 is `5%`, 0.0512 is `5.1%`. */
export function percent(share: number): string {
  return `${Number((share * 100).toFixed(1))}%`;
}

/** Seconds in the largest fitting units: `8.5 s`, `4 min`, `3 h 20 min`, `6 d 4 h`. */
export function duration(seconds: number): string {
  if (seconds < 10) return `${Number(seconds.toFixed(1))} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const [big, small, bigUnit, smallUnit] =
    minutes < 2880
      ? [Math.floor(minutes / 60), minutes % 60, 'h', 'min']
      : [Math.floor(minutes / 1440), Math.floor((minutes % 1440) / 60), 'd', 'h'];
  return small === 0 ? `${big} ${bigUnit}` : `${big} ${bigUnit} ${small} ${smallUnit}`;
}

/** `3.2 ms`, `48 ms`. */
export function milliseconds(value: number): string {
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
}

/** `[0.711-0.770]`, or `[-0.030 to 0.006]` where a minus would be misread. */
export function bounds(low: number, high: number, format: (value: number) => string): string {
  return low < 0 || high < 0 ? `[${format(low)} to ${format(high)}]` : `[${format(low)}-${format(high)}]`;
}

/** `1 query`, `3 queries`. */
export function counted(count: number, singular: string, plural = `${singular}s`): string {
  return `${count} ${count === 1 ? singular : plural}`;
}

/** `3 actions (2 HIGH, 1 LOW)`. */
export function actionCounts(actions: readonly { readonly priority: string }[]): string {
  const counts = PRIORITIES.map((p) => [p, actions.filter((a) => a.priority.toLowerCase() === p).length] as const);
  const shown = counts.filter(([, count]) => count > 0).map(([p, count]) => `${count} ${p.toUpperCase()}`);
  return `${counted(actions.length, 'action')} (${shown.join(', ')})`;
}

/** `go`, `no-go`, `abstain`. */
export function voteLabel(vote: 'go' | 'no_go' | 'abstain'): string {
  return vote === 'no_go' ? 'no-go' : vote;
}

/** `stage_ready` as people write it. */
export function spaced(name: string): string {
  return name.replaceAll('_', ' ');
}

/** The text on one line, without control characters: it may be anybody's, and a terminal would obey it. */
export function oneLine(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .replace(/\p{Cc}/gu, '')
    .trim();
}

/** One line of at most `limit` characters. */
export function cut(text: string, limit = 240): string {
  const line = oneLine(text);
  return line.length > limit ? `${line.slice(0, limit - 1)}…` : line;
}

import { shortDigest } from '@conclave/contracts';
import { type Meeting, oneLine, speakerLabel, stageLabel } from '@conclave/core';

/**
 * A meeting as Markdown, as the guide's `transcript_*.md`: every turn, ballot and absence in the order in which they came, then decisions,
 * dissent and the plan. Control characters are left out: what was said may be anybody's words.
 */
export function transcript(meeting: Meeting): string {
  const { meetingId, openedAt, closed, reason, detail } = meeting;
  const head = [
    `# Meeting ${meetingId}`,
    '',
    `- Opened: ${openedAt ?? 'not on record'}${reason === undefined ? '' : `, ${reason.replaceAll('_', ' ')}${detail === '' ? '' : `: ${oneLine(detail)}`}`}`,
    closed === undefined
      ? '- In session'
      : `- Closed: ${closed.at}, ${closed.outcome.replaceAll('_', ' ')}${closed.summary === '' ? '' : `: ${oneLine(closed.summary)}`}`,
  ];
  return [...head, ...phases(meeting), ...decisions(meeting), ...plan(meeting)].join('\n');
}

type Turn = Meeting['turns'][number];

function phases({ turns, absences }: Meeting): string[] {
  const names = [...new Set([...turns, ...absences].map(({ phase }) => phase))];
  return names.flatMap((phase) => [
    '',
    `## ${phase[0]?.toUpperCase()}${phase.slice(1)}`,
    ...turns.filter((turn) => turn.phase === phase).flatMap(turnLines),
    ...absences
      .filter((absence) => absence.phase === phase)
      .flatMap(({ role, reason }) => ['', `### ${role}: absent`, '', quoted(reason)]),
  ]);
}

function turnLines({ role, speaker, at, durationMs, text, ballots }: Turn): string[] {
  const seconds = (durationMs / 1000).toFixed(1);
  return [
    '',
    `### ${role} (${speakerLabel(speaker)}), ${at}, ${seconds} s`,
    '',
    quoted(text),
    ...ballots.flatMap(({ rolloutId, verdictSet, vote, reason }) => [
      '',
      `- **${vote.replace('_', '-')}** on ${rolloutId}, verdicts ${shortDigest(verdictSet)}: ${oneLine(reason)}`,
    ]),
  ];
}

function decisions({ closed }: Meeting): string[] {
  if (closed === undefined) return [];
  const made = closed.decisions.map((d) => {
    const step = d.toStage === undefined ? stageLabel(d.stage) : `${stageLabel(d.stage)} to ${stageLabel(d.toStage)}`;
    const votes = `yes ${names(d.yes)}; no ${names(d.no)}; abstained ${names(d.abstained)}`;
    return `- ${d.model} ${d.version}, ${step}: **${d.decision.replace('_', '-')}** (${votes}). ${oneLine(d.reason)}`;
  });
  return [
    ...section('Decisions', made.length === 0 ? ['None.'] : made),
    ...(closed.dissent.length === 0
      ? []
      : section(
          'Dissent',
          closed.dissent.map((text) => `- ${oneLine(text)}`),
        )),
  ];
}

function plan({ closed }: Meeting): string[] {
  if (closed === undefined) return [];
  const actions = closed.handoff?.actions ?? [];
  const cell = (value: unknown): string => oneLine(String(value ?? '')).replaceAll('|', '\\|');
  const rows = actions.map((a) => {
    const tool = a.tool === undefined ? '' : `${a.tool} ${JSON.stringify(a.args ?? {})}`;
    return `| ${[a.id, a.priority.toUpperCase(), a.owner, a.action, tool, a.success_criteria].map(cell).join(' | ')} |`;
  });
  const table = ['| id | priority | owner | action | tool | success criteria |', '| - | - | - | - | - | - |', ...rows];
  return section('Plan', rows.length === 0 ? ['No actions.'] : table);
}

function section(title: string, lines: readonly string[]): string[] {
  return ['', `## ${title}`, '', ...lines];
}

function names(roles: readonly string[]): string {
  return roles.length === 0 ? '-' : roles.join(', ');
}

/** As a Markdown quotation, so that a heading inside a speech is no heading of the transcript. */
function quoted(text: string): string {
  return text
    .trim()
    .split(/\r?\n/)
    .map((line) => `> ${line.replace(/\p{Cc}/gu, '')}`.trimEnd())
    .join('\n');
}

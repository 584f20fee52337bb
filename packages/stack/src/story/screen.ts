import { styleText } from 'node:util';
import {
  type Commit,
  describeCommit,
  describeVerdict,
  type Level,
  type MeetingEvent,
  outcomeIcon,
  parseCommit,
  percent,
  type Rollout,
  type StageSummary,
  stageLabel,
} from '@conclave/contracts';

type Style = Parameters<typeof styleText>[0];

const STYLES: Record<Level, Style> = { detail: 'dim', info: 'reset', good: 'green', warn: 'yellow', bad: 'red' };

/** What the terminal shows: the story's own words and, of the journal, what a person wants to see. */
export interface Screen {
  title(text: string): void;
  line(text: string, level?: Level): void;
  commit(commit: Commit): void;
}

export interface ScreenOptions {
  readonly write: (text: string) => void;
  readonly colour: boolean;
  /** Also routine events. */
  readonly verbose: boolean;
}

export function openScreen({ write, colour, verbose }: ScreenOptions): Screen {
  const paint = (style: Style, text: string): string =>
    colour ? styleText(style, text, { validateStream: false }) : text;
  const show = (text: string, level: Level = 'info', at = new Date()): void => {
    write(`${paint('dim', clock(at))}  ${paint(STYLES[level], text)}\n`);
  };
  return {
    title: (text) => write(`\n${paint('bold', `== ${text} ${'='.repeat(Math.max(2, 74 - text.length))}`)}\n`),
    line: (text, level) => show(text, level),
    commit(commit) {
      for (const { text, level, at } of linesOf(commit, verbose)) show(text, level, new Date(at));
    },
  };
}

interface Line {
  readonly text: string;
  readonly level: Level;
  readonly at: string;
}

function linesOf(commit: Commit, verbose: boolean): Line[] {
  if (commit.aggregate.kind === 'rollouts') return rolloutLines(commit);
  if (commit.aggregate.kind === 'meetings') return meetingLines(commit);
  return describeCommit(commit)
    .filter(({ level, kind }) => verbose || (level !== 'detail' && !QUIET.has(kind)))
    .map(({ icon, text, level, at }) => ({ text: icon === undefined ? text : `${icon} ${text}`, level, at }));
}

const QUIET: ReadonlySet<string> = new Set(['schedule.meeting_called', 'evaluation.completed']);

/** Rollout events in words; at the end of a stage the whole table of its gates. */
function rolloutLines(commit: Commit): Line[] {
  const summaries = parseCommit('rollouts', commit).events.flatMap((event) =>
    event.type === 'rollout.stage_summarised' ? [event] : [],
  );
  const told = describeCommit(commit)
    .filter(({ level }) => level !== 'detail')
    .map(({ icon, text, level, at }): Line => ({ text: icon === undefined ? text : `${icon} ${text}`, level, at }));
  const tables = summaries.flatMap(({ at, data }) => summaryLines(data.summary).map((line) => ({ ...line, at })));
  return [...tables, ...told.filter(({ text }) => summaries.length === 0 || !/ leaves /.test(text))];
}

/** The gates of a stage that has ended, with the split asked and measured. */
export function summaryLines({
  stage,
  askedShare,
  measuredShare,
  candidateRequests,
  candidateErrors,
  verdicts,
}: StageSummary): Omit<Line, 'at'>[] {
  const measured = measuredShare === null ? 'none measured' : `${percent(measuredShare)} measured`;
  const split =
    stage === 'shadow'
      ? `mirrored, ${candidateRequests} requests`
      : `split ${percent(askedShare)} asked, ${measured}, ${candidateRequests} requests`;
  return [
    { text: `stage ${stageLabel(stage)} ends: ${split}, ${candidateErrors} errors`, level: 'info' },
    ...verdicts.map(
      (verdict): Omit<Line, 'at'> => ({
        text: `   ${outcomeIcon(verdict.outcome)} ${describeVerdict(verdict)}`,
        level: verdict.outcome === 'pass' ? 'good' : verdict.outcome === 'fail' ? 'bad' : 'warn',
      }),
    ),
  ];
}

/** A meeting in three lines: why it met, how each advisor voted, what was decided. */
function meetingLines(commit: Commit): Line[] {
  return parseCommit('meetings', commit).events.flatMap(saidInMeeting);
}

function saidInMeeting(event: MeetingEvent): Line[] {
  const { at } = event;
  switch (event.type) {
    case 'meeting.opened':
      return [{ text: `# ${event.data.meetingId}: ${event.data.detail}`, level: 'info', at }];
    case 'meeting.turn_taken': {
      const { role, speaker, ballots = [] } = event.data;
      const who = speaker.adapter === 'rules' ? `${role} (rules, no LLM)` : `${role} (${speaker.model})`;
      return ballots.map(({ vote, reason }) => ({
        text: `   ${who} votes ${vote}: ${reason.slice(0, 110)}`,
        level: vote === 'no_go' ? 'warn' : 'detail',
        at,
      }));
    }
    case 'meeting.advisor_absent':
      return [{ text: `   ${event.data.role} is absent: ${event.data.reason}`, level: 'warn', at }];
    case 'meeting.closed': {
      const { decisions, handoff, outcome } = event.data;
      const lines = decisions.map(({ version, stage, toStage, decision, yes, no, abstained }): Line => {
        const step = `${version} ${stageLabel(stage)}${toStage === undefined ? '' : ` -> ${stageLabel(toStage)}`}`;
        return {
          text: `   decided ${step}: ${decision} (${yes.length} go, ${no.length} no_go, ${abstained.length} abstained)`,
          level: decision === 'go' ? 'good' : 'info',
          at,
        };
      });
      if (outcome !== 'decided') lines.push({ text: `   ended ${outcome}`, level: 'warn', at });
      if (handoff !== undefined)
        lines.push({
          text: `   hands off ${handoff.actions.length} actions: ${handoff.actions.map((a) => `${a.priority} ${a.tool ?? a.action}`).join(', ')}`,
          level: 'info',
          at,
        });
      return lines;
    }
  }
}

/** How a rollout ended, with the gate that decided. */
export function endingLines(rollout: Rollout): Omit<Line, 'at'>[] {
  const { version } = rollout.definition;
  if (rollout.phase === 'completed')
    return [{ text: `${version} is in production: every stage was earned`, level: 'good' }];
  const verdict = rollout.ended?.verdict;
  const where =
    rollout.stage === 'shadow' || rollout.stage === undefined
      ? 'refused: it never answered a user'
      : `rolled back from ${stageLabel(rollout.stage)}`;
  return [
    { text: `${version} ${where}`, level: 'bad' },
    {
      text: verdict === undefined ? `   ${rollout.ended?.reason ?? ''}` : `   ✗ ${describeVerdict(verdict)}`,
      level: 'bad',
    },
  ];
}

function clock(at: Date): string {
  return at.toTimeString().slice(0, 8);
}

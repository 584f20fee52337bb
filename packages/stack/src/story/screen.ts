import { styleText } from 'node:util';
import {
  type Commit,
  type HandoffDocument,
  type MeetingDecision,
  type MeetingEvent,
  readableEvents,
  type StageSummary,
} from '@conclave/contracts';
import {
  describeCommit,
  describeVerdict,
  type Level,
  outcomeIcon,
  percent,
  type Rollout,
  speakerLabel,
  stageLabel,
} from '@conclave/core';

type Style = Parameters<typeof styleText>[0];

const STYLES: Record<Level, Style> = { detail: 'dim', info: 'reset', good: 'green', warn: 'yellow', bad: 'red' };

/** What the terminal shows: the story's own words and, of the journal, what a person wants to see. */
export interface Screen {
  title(text: string): void;
  /** @param at when what it tells of happened; default: now */
  line(text: string, level?: Level, at?: Date): void;
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
  const voices: Voices = new Map();
  return {
    title: (text) => write(`\n${paint('bold', `== ${text} ${'='.repeat(Math.max(2, 74 - text.length))}`)}\n`),
    line: (text, level, at) => show(text, level, at),
    commit(commit) {
      for (const { text, level, at } of linesOf(commit, verbose, voices)) show(text, level, new Date(at));
    },
  };
}

interface Line {
  readonly text: string;
  readonly level: Level;
  readonly at: string;
}

/** A line about something whose time is known otherwise. */
export type Told = Omit<Line, 'at'>;

function linesOf(commit: Commit, verbose: boolean, voices: Voices): Line[] {
  if (commit.aggregate.kind === 'rollouts') return rolloutLines(commit);
  if (commit.aggregate.kind === 'meetings') return meetingLines(commit, voices);
  return describeCommit(commit)
    .filter(({ level, kind }) => verbose || (level !== 'detail' && !QUIET.has(kind)))
    .map(({ icon, text, level, at }) => ({ text: icon === undefined ? text : `${icon} ${text}`, level, at }));
}

const QUIET: ReadonlySet<string> = new Set([
  'schedule.meeting_called',
  'schedule.plan_accepted',
  'evaluation.completed',
]);

/** Rollout events in words; at the end of a stage the whole table of its gates instead of single verdicts. */
function rolloutLines(commit: Commit): Line[] {
  const events = readableEvents('rollouts', commit);
  const ends = events.some((event) => event.type === 'rollout.stage_summarised');
  const tables = events.flatMap((event) =>
    event.type === 'rollout.stage_summarised'
      ? summaryLines(event.data.summary).map((line) => ({ ...line, at: event.at }))
      : [],
  );
  const told = describeCommit(commit)
    .filter(
      ({ level, kind }) => level !== 'detail' && kind !== 'rollout.stage_summarised' && kind !== 'rollout.aborted',
    )
    .filter(({ kind }) => !ends || kind !== 'rollout.verdict_changed')
    .map(({ icon, text, level, at }): Line => ({ text: icon === undefined ? text : `${icon} ${text}`, level, at }));
  return [...tables, ...told];
}

/** The gates of a stage that has ended, with the split asked and measured. */
export function summaryLines({
  stage,
  askedShare,
  measuredShare,
  candidateRequests,
  candidateErrors,
  verdicts,
}: StageSummary): Told[] {
  const measured = measuredShare === null ? 'none measured' : `${percent(measuredShare)} measured`;
  const split =
    stage === 'shadow'
      ? `mirrored, ${candidateRequests} requests`
      : `split ${percent(askedShare)} asked, ${measured}, ${candidateRequests} requests`;
  return [
    { text: `stage ${stageLabel(stage)} ends: ${split}, ${candidateErrors} errors`, level: 'info' },
    ...verdicts.map(
      (verdict): Told => ({
        text: `   ${outcomeIcon(verdict.outcome)} ${describeVerdict(verdict)}`,
        level: verdict.outcome === 'pass' ? 'good' : verdict.outcome === 'fail' ? 'bad' : 'warn',
      }),
    ),
  ];
}

/** How each advisor speaks, as last heard: `rules (no LLM)` or vendor and model. */
type Voices = Map<string, string>;

/** A meeting in a few lines: why it met, who voted how, what was decided, what it hands off. */
function meetingLines(commit: Commit, voices: Voices): Line[] {
  return readableEvents('meetings', commit).flatMap((event) => saidInMeeting(event, voices));
}

function saidInMeeting(event: MeetingEvent, voices: Voices): Line[] {
  const { at } = event;
  switch (event.type) {
    case 'meeting.opened':
      return [{ text: `# ${event.data.meetingId}: ${event.data.detail}`, level: 'info', at }];
    case 'meeting.turn_taken': {
      const { role, speaker, ballots = [] } = event.data;
      voices.set(role, speakerLabel(speaker));
      return ballots
        .filter(({ vote }) => vote === 'no_go')
        .map(({ reason }) => ({ text: `   ${role} votes no_go: ${reason.slice(0, 160)}`, level: 'warn', at }));
    }
    case 'meeting.advisor_absent':
      return [{ text: `   ${event.data.role} is absent: ${event.data.reason}`, level: 'warn', at }];
    case 'meeting.closed': {
      const { decisions, handoff, outcome } = event.data;
      const decided = decisions.flatMap((decision) => decisionLines(decision, voices).map((line) => ({ ...line, at })));
      const ended: Line[] = outcome === 'decided' ? [] : [{ text: `   ended ${outcome}`, level: 'warn', at }];
      return [
        ...decided,
        ...ended,
        { text: `   ${handoffText(handoff)}`, level: handoff === undefined ? 'detail' : 'info', at },
      ];
    }
  }
}

function decisionLines(
  { version, stage, toStage, decision, yes, no, abstained }: MeetingDecision,
  voices: Voices,
): Told[] {
  const step = `${version} ${stageLabel(stage)}${toStage === undefined ? '' : ` -> ${stageLabel(toStage)}`}`;
  const cast = [
    ['go', yes],
    ['no_go', no],
    ['abstain', abstained],
  ] as const;
  const ballots = cast.filter(([, roles]) => roles.length > 0).map(([vote, roles]) => `${vote} ${roles.join(', ')}`);
  const speakers = [...new Set(voices.values())].join(', ');
  return [
    { text: `   ballots by ${speakers}: ${ballots.join('; ')}`, level: 'info' },
    {
      text: `   decided ${step}: ${decision} (${yes.length} go, ${no.length} no_go, ${abstained.length} abstained)`,
      level: decision === 'go' ? 'good' : 'warn',
    },
  ];
}

function handoffText(handoff: HandoffDocument | undefined): string {
  if (handoff === undefined) return 'nothing new to do';
  return `hands off: ${handoff.actions.map((a) => `${a.priority.toUpperCase()} ${a.tool ?? a.action} (${a.owner})`).join(', ')}`;
}

/** How a rollout ended, with the gate that decided. */
export function endingLines(rollout: Rollout): Told[] {
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

/** The time of day; with its date when that is not today: what a new start tells of may have happened long ago. */
export function clock(at: Date, now = new Date()): string {
  const time = at.toTimeString().slice(0, 8);
  if (at.toDateString() === now.toDateString()) return time;
  const [month, day] = [at.getMonth() + 1, at.getDate()].map((n) => String(n).padStart(2, '0'));
  return `${at.getFullYear()}-${month}-${day} ${time}`;
}

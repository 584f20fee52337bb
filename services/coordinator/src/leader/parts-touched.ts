import type { AggregateKind, Commit } from '@conclave/contracts';
import type { Part } from './turns.ts';

const BOTH: readonly Part[] = ['rollouts', 'schedule'];
const NONE: readonly Part[] = [];

/** Parts of the leader's work that a commit on an aggregate of each kind may give something to do. */
const TOUCHED: Readonly<Record<AggregateKind, readonly Part[]>> = {
  schedule: ['schedule'],
  actions: ['schedule'],
  meetings: BOTH,
  evaluations: BOTH,
  incidents: BOTH,
  rollouts: BOTH,
  models: ['schedule'],
  roadmap: ['schedule'],
};

/** Events from which nothing follows now: what they dispatch, start or say is acted on when it ends. */
const QUIET: ReadonlySet<string> = new Set([
  'schedule.leader_elected',
  'schedule.heartbeat',
  'schedule.meeting_skipped',
  'schedule.action_dispatched',
  'action.started',
  'action.tool_called',
  'action.tool_returned',
  'meeting.opened',
  'meeting.turn_taken',
  'meeting.advisor_absent',
  'evaluation.progressed',
]);

/** What has to be decided anew after a commit. An event that is not known here may change anything of its aggregate. */
export function partsTouched({ aggregate, events }: Pick<Commit, 'aggregate' | 'events'>): readonly Part[] {
  return events.every(({ type }) => QUIET.has(type)) ? NONE : TOUCHED[aggregate.kind];
}

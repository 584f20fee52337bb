import type { ActionRun } from './action.ts';
import { type Counts, initialCounts } from './counts.ts';
import type { Evaluation } from './evaluation.ts';
import type { Meeting } from './meeting.ts';
import { initialQuarantine, type QuarantineState } from './quarantine.ts';
import { type Incident, initialRoadmap, type RegistryEntry, type Roadmap } from './registry.ts';
import type { RolloutsState } from './rollout.ts';
import { initialSchedule } from './schedule.ts';
import type { ScheduleState } from './schedule-state.ts';
import { EMPTY_SHELF, type Shelf } from './shelves.ts';
import type { UnreadCommit } from './unread-commits.ts';

/**
 * The whole journal folded: what coordinator, planner, metrics and CLI look at. JSON-safe, so that a snapshot is the
 * state itself. `foldWorld` changes it in place; the entries (a rollout, a meeting, an action) are replaced and never changed, so
 * whoever compares before and after keeps the entry. Nothing in it grows with history: the journal keeps all, the world what is open
 * and a stated number for people (`KEPT` in fold-world.ts).
 */
export interface World {
  /** Sequence of the last commit folded. */
  readonly seq: number;
  readonly schedule: ScheduleState;
  readonly rollouts: Readonly<Record<string, RolloutsState>>;
  /** Models that an operator had forgotten; nobody looks at them, but an append and another adopt go on from there. */
  readonly forgotten: Readonly<Record<string, RolloutsState>>;
  /** The highest stage epoch of a model that was forgotten: one of which nothing is known any more goes on from it. */
  readonly forgottenEpoch: number;
  readonly meetings: Readonly<Record<string, Meeting>>;
  readonly actions: Readonly<Record<string, ActionRun>>;
  readonly evaluations: Readonly<Record<string, Evaluation>>;
  readonly incidents: Readonly<Record<string, Incident>>;
  readonly registry: Readonly<Record<string, RegistryEntry>>;
  readonly roadmap: Roadmap;
  readonly counts: Counts;
  /** By `aggregateKey`: what this version could not read of it. */
  readonly unread: Readonly<Record<string, UnreadCommit>>;
  /** What lies on the journal's subjects and does not count. */
  readonly quarantine: QuarantineState;
  readonly shelves: Readonly<Record<ShelfName, Shelf>>;
}

export type ShelfName = 'forgotten' | 'meetings' | 'actions' | 'evaluations' | 'incidents' | 'registry' | 'unread';

/** Raise when a fold changes shape or a new event type is folded: older snapshots are then ignored and the journal replayed. */
export const WORLD_FOLD_VERSION = 9;

export function initialWorld(): World {
  return {
    seq: 0,
    schedule: initialSchedule(),
    rollouts: {},
    forgotten: {},
    forgottenEpoch: 0,
    meetings: {},
    actions: {},
    evaluations: {},
    incidents: {},
    registry: {},
    roadmap: initialRoadmap(),
    counts: initialCounts(),
    unread: {},
    quarantine: initialQuarantine(),
    shelves: {
      forgotten: EMPTY_SHELF,
      meetings: EMPTY_SHELF,
      actions: EMPTY_SHELF,
      evaluations: EMPTY_SHELF,
      incidents: EMPTY_SHELF,
      registry: EMPTY_SHELF,
      unread: EMPTY_SHELF,
    },
  };
}

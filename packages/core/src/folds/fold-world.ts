import { type AggregateKind, type Commit, type EventOfKind, entryOf, readCommit } from '@conclave/contracts';
import { type ActionRun, foldAction, initialAction } from './action.ts';
import { type Counts, countMeeting, countSchedule } from './counts.ts';
import { type Evaluation, foldEvaluation, initialEvaluation } from './evaluation.ts';
import { foldMeeting, initialMeeting, type Meeting } from './meeting.ts';
import { inUse, neededActions, neededEvaluations, neededMeetings, neededRegistrations } from './needed.ts';
import { foldQuarantined, foldReports, type QuarantinedMessage, type QuarantineState } from './quarantine.ts';
import {
  foldIncident,
  foldRegistryEntry,
  foldRoadmap,
  type Incident,
  initialRegistryEntry,
  type RegistryEntry,
  type Roadmap,
  withoutOldest,
} from './registry.ts';
import { foldRollouts, initialRollouts, type RolloutsState } from './rollout.ts';
import { foldSchedule } from './schedule.ts';
import { noteRun } from './schedule-index.ts';
import type { ScheduleState } from './schedule-state.ts';
import { type Keeping, type Shelf, setEntry, shelve, unshelve } from './shelves.ts';
import { noteUnread, type UnreadCommit } from './unread-commits.ts';
import type { ShelfName, World } from './world.ts';

/** Entries kept for people beside what is open, or what something open rests on. A shelf holds up to a quarter more. */
const KEPT = {
  forgotten: 100,
  meetings: 50,
  actions: 400,
  evaluations: 200,
  incidents: 200,
  registry: 1000,
} as const;

/** What a fold may change of the world, in place. */
interface Open {
  seq: number;
  schedule: ScheduleState;
  readonly rollouts: Record<string, RolloutsState>;
  readonly forgotten: Record<string, RolloutsState>;
  forgottenEpoch: number;
  readonly meetings: Record<string, Meeting>;
  readonly actions: Record<string, ActionRun>;
  readonly evaluations: Record<string, Evaluation>;
  readonly incidents: Record<string, Incident>;
  readonly registry: Record<string, RegistryEntry>;
  roadmap: Roadmap;
  readonly counts: Counts;
  readonly unread: Record<string, UnreadCommit>;
  quarantine: QuarantineState;
  readonly shelves: Record<ShelfName, Shelf>;
}

/**
 * Folds one more commit into the world, in place, and returns it. One that was folded before changes nothing. One with an event that
 * this version cannot read changes nothing of its aggregate but `seq`, and is noted in `unread`.
 */
export function foldWorld(world: World, commit: Commit): World {
  if (commit.seq <= world.seq) return world;
  const open: Open = world;
  open.seq = commit.seq;
  const reading = readAndFold(open, commit);
  if (reading !== undefined) {
    advance(open, commit);
    open.shelves.unread = noteUnread(open.unread, open.shelves.unread, commit, reading);
  }
  return world;
}

/** Notes a message of the journal that does not count, in place, and returns the world. */
export function foldPassedOver(world: World, message: QuarantinedMessage): World {
  if (message.seq <= world.seq) return world;
  const open: Open = world;
  open.seq = message.seq;
  open.quarantine = foldQuarantined(world.quarantine, message);
  return world;
}

type FoldOf<K extends AggregateKind> = (world: Open, id: string, commit: Commit<EventOfKind[K]>) => void;

const FOLDS: { readonly [K in AggregateKind]: FoldOf<K> } = {
  schedule(world, _id, commit) {
    countSchedule(world, commit);
    world.schedule = foldSchedule(world.schedule, commit);
  },
  rollouts(world, id, commit) {
    const before = entryOf(world.rollouts, id) ??
      entryOf(world.forgotten, id) ?? { ...initialRollouts(id), stageEpoch: world.forgottenEpoch };
    const state = foldRollouts(before, commit);
    if (state.forgotten === undefined) {
      setEntry(world.rollouts, id, state);
      world.shelves.forgotten = unshelve(world.forgotten, world.shelves.forgotten, id);
    } else {
      delete world.rollouts[id];
      world.forgottenEpoch = Math.max(world.forgottenEpoch, state.stageEpoch);
      put(world, 'forgotten', world.forgotten, [id, state], { isOver: () => true, needed: () => new Set() });
    }
  },
  meetings(world, id, commit) {
    const before = entryOf(world.meetings, id) ?? initialMeeting(id);
    countMeeting(world, before, commit);
    put(world, 'meetings', world.meetings, [id, foldMeeting(before, commit)], {
      isOver: (m) => m.closed !== undefined,
      needed: (all) => neededMeetings(world, all),
    });
  },
  actions(world, id, commit) {
    const action = foldAction(entryOf(world.actions, id) ?? initialAction(id), commit);
    noteRun(world.schedule, action);
    put(world, 'actions', world.actions, [id, action], {
      isOver: (a) => a.completed !== undefined,
      needed: (all) => neededActions(world, all),
    });
  },
  evaluations(world, id, commit) {
    const evaluation = foldEvaluation(entryOf(world.evaluations, id) ?? initialEvaluation(id), commit);
    put(world, 'evaluations', world.evaluations, [id, evaluation], {
      isOver: (e) => e.state !== 'running',
      needed: (all) => neededEvaluations(world, all),
    });
  },
  incidents(world, id, commit) {
    world.quarantine = foldReports(world.quarantine, commit.events);
    const incident = foldIncident(entryOf(world.incidents, id), commit);
    if (incident === undefined) return;
    put(world, 'incidents', world.incidents, [id, incident], {
      isOver: () => true,
      needed: (all) => new Set([...all].filter(([, { resolved }]) => resolved === undefined).map(([key]) => key)),
    });
  },
  models(world, id, commit) {
    const entry = foldRegistryEntry(entryOf(world.registry, id) ?? initialRegistryEntry(), commit);
    const used = Object.values(world.rollouts).map(inUse);
    const isInUse = (digest: string): boolean =>
      used.some(({ bundles, datasets }) => bundles.has(digest) || datasets.has(digest));
    put(world, 'registry', world.registry, [id, withoutOldest(entry, isInUse)], {
      isOver: () => true,
      needed: (all) => neededRegistrations(world, all),
    });
  },
  roadmap(world, _id, commit) {
    world.roadmap = foldRoadmap(world.roadmap, commit);
  },
};

/** Folds what can be read. Returns the type of the event that could not be. */
function readAndFold(world: Open, commit: Commit): string | undefined {
  const fold = <K extends AggregateKind>(kind: K): string | undefined => {
    const reading = readCommit(kind, commit);
    if (reading.unread !== undefined) return reading.unread.type;
    const folding: FoldOf<K> = FOLDS[kind];
    folding(world, commit.aggregate.id, reading.commit);
    return undefined;
  };
  return fold(commit.aggregate.kind);
}

/** Puts an entry where `KEPT` says how many there are. */
function put<T extends { readonly seq: number }>(
  { shelves }: Open,
  name: keyof typeof KEPT,
  entries: Record<string, T>,
  [id, entry]: readonly [string, T],
  keeping: Omit<Keeping<T>, 'limit'>,
): void {
  shelves[name] = shelve(entries, shelves[name], id, entry, { ...keeping, limit: KEPT[name] });
}

/** An unread commit is the aggregate's last all the same: whoever appends to it, an abort for instance, expects its sequence. */
function advance(world: Open, { aggregate: { kind, id }, seq }: Commit): void {
  if (kind === 'schedule') world.schedule = { ...world.schedule, seq };
  else if (kind === 'roadmap') world.roadmap = { ...world.roadmap, seq };
  else {
    const advanceIn = <T extends { readonly seq: number }>(entries: Record<string, T>): void => {
      const entry = entryOf(entries, id);
      if (entry !== undefined) setEntry(entries, id, { ...entry, seq });
    };
    if (kind === 'rollouts') {
      advanceIn(world.rollouts);
      advanceIn(world.forgotten);
    } else if (kind === 'models') advanceIn(world.registry);
    else if (kind === 'meetings') advanceIn(world.meetings);
    else if (kind === 'actions') advanceIn(world.actions);
    else if (kind === 'evaluations') advanceIn(world.evaluations);
    else advanceIn(world.incidents);
  }
}

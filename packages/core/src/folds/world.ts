import { type Commit, type IncidentEvent, parseCommit } from '@conclave/contracts';
import { type ActionRun, foldAction, initialAction } from './action.ts';
import { type Evaluation, foldEvaluation, initialEvaluation } from './evaluation.ts';
import { foldMeeting, initialMeeting, type Meeting } from './meeting.ts';
import {
  foldQuarantined,
  foldReported,
  initialQuarantine,
  type QuarantinedMessage,
  type QuarantineState,
} from './quarantine.ts';
import {
  foldIncident,
  foldRegistryEntry,
  foldRoadmap,
  type Incident,
  initialRegistryEntry,
  initialRoadmap,
  type RegisteredDataset,
  type RegisteredModel,
  type RegistryEntry,
  type Roadmap,
} from './registry.ts';
import { foldRollouts, initialRollouts, openRollout, type RolloutsState } from './rollout.ts';
import { foldSchedule, initialSchedule, type ScheduledAction, type ScheduleState } from './schedule.ts';

/**
 * The whole journal folded: what coordinator, planner, metrics and CLI look at. JSON-safe, so that a snapshot is the
 * state itself. Ended meetings, actions, evaluations and incidents are forgotten beyond `KEPT`; the journal keeps all.
 */
export interface World {
  /** Sequence of the last commit folded. */
  readonly seq: number;
  readonly schedule: ScheduleState;
  readonly rollouts: Readonly<Record<string, RolloutsState>>;
  /** Models that an operator had forgotten; nobody looks at them, but an append and another adopt go on from there. */
  readonly forgotten: Readonly<Record<string, RolloutsState>>;
  readonly meetings: Readonly<Record<string, Meeting>>;
  readonly actions: Readonly<Record<string, ActionRun>>;
  readonly evaluations: Readonly<Record<string, Evaluation>>;
  readonly incidents: Readonly<Record<string, Incident>>;
  readonly registry: Readonly<Record<string, RegistryEntry>>;
  readonly roadmap: Roadmap;
  /** What lies on the journal's subjects and does not count. */
  readonly quarantine: QuarantineState;
}

/** Raise when a fold changes shape: older snapshots are then ignored and the journal replayed. */
export const WORLD_FOLD_VERSION = 6;

const KEPT = { meetings: 50, actions: 400, evaluations: 200, incidents: 200 } as const;

export function initialWorld(): World {
  return {
    seq: 0,
    schedule: initialSchedule(),
    rollouts: {},
    forgotten: {},
    meetings: {},
    actions: {},
    evaluations: {},
    incidents: {},
    registry: {},
    roadmap: initialRoadmap(),
    quarantine: initialQuarantine(),
  };
}

/** The world after one more commit. @throws CVE_JOURNAL_UNKNOWN_EVENT: the reader must halt. */
export function foldWorld(world: World, commit: Commit): World {
  if (commit.seq <= world.seq) return world;
  const { kind, id } = commit.aggregate;
  const next = { ...world, seq: commit.seq };
  switch (kind) {
    case 'schedule':
      return { ...next, schedule: foldSchedule(world.schedule, parseCommit(kind, commit)) };
    case 'rollouts': {
      const { [id]: known, ...rollouts } = world.rollouts;
      const { [id]: before, ...forgotten } = world.forgotten;
      const state = foldRollouts(known ?? before ?? initialRollouts(id), parseCommit(kind, commit));
      return state.forgotten === undefined
        ? { ...next, rollouts: { ...rollouts, [id]: state }, forgotten }
        : { ...next, rollouts, forgotten: { ...forgotten, [id]: state } };
    }
    case 'meetings': {
      const meeting = foldMeeting(world.meetings[id] ?? initialMeeting(id), parseCommit(kind, commit));
      return {
        ...next,
        meetings: keep({ ...world.meetings, [id]: meeting }, KEPT.meetings, {
          isOver: (m) => m.closed !== undefined,
          isNeeded: () => false,
        }),
      };
    }
    case 'actions': {
      const action = foldAction(world.actions[id] ?? initialAction(id), parseCommit(kind, commit));
      return {
        ...next,
        actions: keep({ ...world.actions, [id]: action }, KEPT.actions, {
          isOver: (a) => a.completed !== undefined,
          isNeeded: (a) => isUnfinished(world.schedule.actions[a.actionId]),
        }),
      };
    }
    case 'evaluations': {
      const evaluation = foldEvaluation(world.evaluations[id] ?? initialEvaluation(id), parseCommit(kind, commit));
      return {
        ...next,
        evaluations: keep({ ...world.evaluations, [id]: evaluation }, KEPT.evaluations, {
          isOver: (e) => e.state !== 'running',
          isNeeded: (e) => isEvidence(e, world.rollouts),
        }),
      };
    }
    case 'incidents': {
      const parsed = parseCommit(kind, commit);
      const incident = foldIncident(world.incidents[id], parsed);
      if (incident === undefined) return next;
      return {
        ...next,
        quarantine: reportedBy(parsed.events, world.quarantine),
        incidents: keep({ ...world.incidents, [id]: incident }, KEPT.incidents, {
          isOver: (i) => i.resolved !== undefined,
          isNeeded: (i) => i.resolved === undefined,
        }),
      };
    }
    case 'models':
      return {
        ...next,
        registry: {
          ...world.registry,
          [id]: foldRegistryEntry(world.registry[id] ?? initialRegistryEntry(), parseCommit(kind, commit)),
        },
      };
    case 'roadmap':
      return { ...next, roadmap: foldRoadmap(world.roadmap, parseCommit(kind, commit)) };
  }
}

/** The world after a message of the journal that does not count. */
export function foldPassedOver(world: World, message: QuarantinedMessage): World {
  if (message.seq <= world.seq) return world;
  return { ...world, seq: message.seq, quarantine: foldQuarantined(world.quarantine, message) };
}

function reportedBy(events: readonly IncidentEvent[], state: QuarantineState): QuarantineState {
  return events.reduce((folded, event) => {
    const told =
      event.type === 'incident.opened' || event.type === 'incident.reported_again' ? event.data.quarantined : undefined;
    return told === undefined ? folded : foldReported(folded, told);
  }, state);
}

interface Keeping<T> {
  /** Whether nothing more will happen to it: forgotten first. */
  isOver(entry: T): boolean;
  /** Whether something that is still open rests on it: never forgotten. */
  isNeeded(entry: T): boolean;
}

/** The entries without the oldest beyond `limit` that are over; what never ends is forgotten beyond twice as many. */
function keep<T>(all: Record<string, T>, limit: number, { isOver, isNeeded }: Keeping<T>): Record<string, T> {
  const entries = Object.entries(all);
  if (entries.length <= limit) return all;
  let surplus = entries.length - limit;
  const ended = entries.filter(([, entry]) => {
    const forgotten = surplus > 0 && isOver(entry) && !isNeeded(entry);
    if (forgotten) surplus--;
    return !forgotten;
  });
  let excess = ended.length - 2 * limit;
  if (excess <= 0) return Object.fromEntries(ended);
  return Object.fromEntries(
    ended.filter(([, entry]) => {
      const forgotten = excess > 0 && !isNeeded(entry);
      if (forgotten) excess--;
      return !forgotten;
    }),
  );
}

function isUnfinished(action: ScheduledAction | undefined): boolean {
  return action !== undefined && action.state !== 'ended';
}

/** True of a measurement that an open rollout may still be judged by, however many others came after it. */
function isEvidence({ request }: Evaluation, rollouts: World['rollouts']): boolean {
  const state = request === undefined ? undefined : rollouts[request.model];
  const rollout = state === undefined ? undefined : openRollout(state);
  if (request === undefined || rollout === undefined) return false;
  return request.kind === 'rollback_test'
    ? request.rolloutId === rollout.rolloutId && request.stageEpoch === rollout.stageEpoch
    : request.digest === rollout.definition.digest && request.dataset === rollout.definition.dataset;
}

/** A model's rollouts, whether they are looked at, forgotten or not begun. */
export function rolloutsOf(world: World, model: string): RolloutsState {
  return world.rollouts[model] ?? world.forgotten[model] ?? initialRollouts(model);
}

/** Registry key of a dataset: models and datasets may share a name. */
export function datasetKey(name: string): string {
  return `dataset:${name}`;
}

export function registeredModel(world: World, model: string, version: string): RegisteredModel | undefined {
  return world.registry[model]?.versions[version];
}

/** The registered dataset of a name (its newest registration) or of a digest. */
export function registeredDataset(world: World, nameOrDigest: string): RegisteredDataset | undefined {
  if (!nameOrDigest.startsWith('sha256:')) return world.registry[datasetKey(nameOrDigest)]?.datasets.at(-1);
  return Object.values(world.registry)
    .flatMap((entry) => entry.datasets)
    .find((d) => d.digest === nameOrDigest);
}

/** Open P0 incidents that concern a model: its own and those that name none. */
export function openP0Incidents(world: World, model: string): Incident[] {
  return Object.values(world.incidents).filter(
    (i) => i.severity === 'P0' && i.resolved === undefined && (i.model === undefined || i.model === model),
  );
}

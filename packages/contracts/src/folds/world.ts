import { parseCommit } from '../events/parse.ts';
import type { Commit } from '../journal.ts';
import { type ActionRun, foldAction, initialAction } from './action.ts';
import { type Evaluation, foldEvaluation, initialEvaluation } from './evaluation.ts';
import { foldMeeting, initialMeeting, type Meeting } from './meeting.ts';
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
import { foldRollouts, initialRollouts, type RolloutsState } from './rollout.ts';
import { foldSchedule, initialSchedule, type ScheduleState } from './schedule.ts';

/**
 * The whole journal folded: what coordinator, planner, metrics and CLI look at. JSON-safe, so that a snapshot is the
 * state itself. Ended meetings, actions, evaluations and incidents are forgotten beyond `KEPT`; the journal keeps all.
 */
export interface World {
  /** Sequence of the last commit folded. */
  readonly seq: number;
  /** Sequence of the last commit that gives a meeting something new to talk about. */
  readonly changeSeq: number;
  readonly schedule: ScheduleState;
  readonly rollouts: Readonly<Record<string, RolloutsState>>;
  readonly meetings: Readonly<Record<string, Meeting>>;
  readonly actions: Readonly<Record<string, ActionRun>>;
  readonly evaluations: Readonly<Record<string, Evaluation>>;
  readonly incidents: Readonly<Record<string, Incident>>;
  readonly registry: Readonly<Record<string, RegistryEntry>>;
  readonly roadmap: Roadmap;
}

/** Raise when a fold changes shape: older snapshots are then ignored and the journal replayed. */
export const WORLD_FOLD_VERSION = 2;

const KEPT = { meetings: 50, actions: 400, evaluations: 200, incidents: 200 } as const;

export function initialWorld(): World {
  return {
    seq: 0,
    changeSeq: 0,
    schedule: initialSchedule(),
    rollouts: {},
    meetings: {},
    actions: {},
    evaluations: {},
    incidents: {},
    registry: {},
    roadmap: initialRoadmap(),
  };
}

/** The world after one more commit. @throws CVE_JOURNAL_UNKNOWN_EVENT: the reader must halt. */
export function foldWorld(world: World, commit: Commit): World {
  if (commit.seq <= world.seq) return world;
  const { kind, id } = commit.aggregate;
  const next = { ...world, seq: commit.seq, changeSeq: isNews(commit) ? commit.seq : world.changeSeq };
  switch (kind) {
    case 'schedule':
      return { ...next, schedule: foldSchedule(world.schedule, parseCommit(kind, commit)) };
    case 'rollouts':
      return {
        ...next,
        rollouts: {
          ...world.rollouts,
          [id]: foldRollouts(world.rollouts[id] ?? initialRollouts(id), parseCommit(kind, commit)),
        },
      };
    case 'meetings': {
      const meeting = foldMeeting(world.meetings[id] ?? initialMeeting(id), parseCommit(kind, commit));
      return {
        ...next,
        meetings: keep({ ...world.meetings, [id]: meeting }, KEPT.meetings, (m) => m.closed !== undefined),
      };
    }
    case 'actions': {
      const action = foldAction(world.actions[id] ?? initialAction(id), parseCommit(kind, commit));
      return {
        ...next,
        actions: keep({ ...world.actions, [id]: action }, KEPT.actions, (a) => a.completed !== undefined),
      };
    }
    case 'evaluations': {
      const evaluation = foldEvaluation(world.evaluations[id] ?? initialEvaluation(id), parseCommit(kind, commit));
      return {
        ...next,
        evaluations: keep({ ...world.evaluations, [id]: evaluation }, KEPT.evaluations, (e) => e.state !== 'running'),
      };
    }
    case 'incidents': {
      const incident = foldIncident(world.incidents[id], parseCommit(kind, commit));
      if (incident === undefined) return next;
      return {
        ...next,
        incidents: keep({ ...world.incidents, [id]: incident }, KEPT.incidents, (i) => i.resolved !== undefined),
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

function keep<T>(all: Record<string, T>, limit: number, mayForget: (entry: T) => boolean): Record<string, T> {
  const entries = Object.entries(all);
  let surplus = entries.length - limit;
  if (surplus <= 0) return all;
  return Object.fromEntries(entries.filter(([, entry]) => !(surplus > 0 && mayForget(entry) && surplus-- > 0)));
}

/** Meetings' own commits, bookkeeping and progress are no news; results, verdicts, incidents and insights are. */
function isNews({ aggregate, events }: Commit): boolean {
  if (aggregate.kind === 'schedule' || aggregate.kind === 'meetings') return false;
  return events.some((event) => !NO_NEWS.has(event.type));
}

const NO_NEWS: ReadonlySet<string> = new Set([
  'rollout.leader_changed',
  'rollout.voted',
  'action.started',
  'action.tool_called',
  'action.tool_returned',
  'evaluation.started',
  'evaluation.progressed',
]);

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

import {
  type Aggregate,
  aggregates,
  type Commit,
  DEFAULT_GATES,
  type ModelEvent,
  type PinnedRollout,
  type PlannedAction,
  type RolloutEvent,
  STAGES,
  type StageName,
  shareOf,
} from '@conclave/contracts';
import { foldWorld, initialWorld, type World } from '@conclave/core';

export const DIGEST = {
  stable: `sha256:${'a'.repeat(64)}`,
  candidate: `sha256:${'b'.repeat(64)}`,
  dataset: `sha256:${'d'.repeat(64)}`,
} as const;

const AT = '2026-01-01T00:00:00.000Z';

/** An action as the coordinator dispatches it. */
export function plannedAction(change: Partial<PlannedAction> = {}): PlannedAction {
  return {
    actionId: 'plan:1',
    planId: 'plan',
    action: 'Deploy V1.1 to shadow environment',
    owner: 'ops_commander',
    priority: 'high',
    estimatedDuration: '',
    successCriteria: '',
    dependsOn: [],
    ...change,
  };
}

export const definition: PinnedRollout = {
  name: 'emoji-search',
  model: 'emoji-search',
  version: '1.1',
  digest: DIGEST.candidate,
  datasetName: 'emoji',
  dataset: DIGEST.dataset,
  authority: 'act',
  stages: STAGES.map((name) => ({ name, soakSeconds: 1 })),
  gates: [...DEFAULT_GATES],
};

/** Versions 1.0 and 1.1 registered. */
export function registeredEvents(model = 'emoji-search'): ModelEvent[] {
  return [
    { version: '1.0', digest: DIGEST.stable },
    { version: '1.1', digest: DIGEST.candidate },
  ].map(({ version, digest }) => ({
    id: `${model}/registered/${version}`,
    type: 'model.registered',
    at: AT,
    data: { model, version, digest, description: '', bytes: 1, by: 'test' },
  }));
}

/** 1.0 is stable; 1.1 is applied. */
export function appliedEvents(): RolloutEvent[] {
  return [
    {
      id: 'adopted',
      type: 'rollout.adopted',
      at: AT,
      data: { model: 'emoji-search', version: '1.0', digest: DIGEST.stable, dataset: DIGEST.dataset, by: 'test' },
    },
    { id: 'applied', type: 'rollout.applied', at: AT, data: { rolloutId: 'r1', definition, by: 'test' } },
  ];
}

/** A stage entered and served by these runners. */
export function servingEvents(
  stage: StageName,
  stageEpoch: number,
  at: string,
  runners = ['runner-0'],
): RolloutEvent[] {
  return [
    {
      id: `entered/${stageEpoch}`,
      type: 'rollout.stage_entered',
      at,
      data: { rolloutId: 'r1', stage, stageEpoch, share: shareOf(stage), requestedBy: 'test' },
    },
    { id: `serving/${stageEpoch}`, type: 'rollout.stage_serving', at, data: { rolloutId: 'r1', stageEpoch, runners } },
  ];
}

/** A world folded from commits in this order. */
export function worldOf(...commits: readonly (readonly [Aggregate, Commit['events']])[]): World {
  return commits.reduce(
    (world, [aggregate, events], i) =>
      foldWorld(world, { aggregate, seq: i + 1, storedAt: AT, by: 'test', fence: undefined, events }),
    initialWorld(),
  );
}

/** emoji-search with 1.0 stable and 1.1 applied. */
export const appliedWorld: World = worldOf(
  [aggregates.model('emoji-search'), registeredEvents()],
  [aggregates.rollouts('emoji-search'), appliedEvents()],
);

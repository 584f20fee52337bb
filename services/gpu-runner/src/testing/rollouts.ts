import {
  DEFAULT_GATES,
  parseCommit,
  type RolloutEvent,
  STAGES,
  type StageName,
  sha256,
  shareOf,
} from '@conclave/contracts';
import { foldRollouts, initialRollouts, type RolloutsState } from '@conclave/core';

/** Digests of the versions and the dataset of model `tiny`. */
export const VERSIONS = { '1.0': sha256('1.0'), '1.1': sha256('1.1'), dataset: sha256('dataset') };

export type Versions = typeof VERSIONS;
type DataOf<T extends RolloutEvent['type']> = Extract<RolloutEvent, { type: T }>['data'];

/** The events that lead to a situation, in the order of the journal. */
export function rolloutEvents(versions: Versions = VERSIONS) {
  const { dataset } = versions;
  const rolloutId = 'r-1';
  const event = <T extends RolloutEvent['type']>(type: T, data: DataOf<T>) => ({
    id: `${type}-${JSON.stringify(data).length}-${counter++}`,
    type,
    at: '2026-01-01T00:00:00.000Z',
    data,
  });
  let counter = 0;
  return {
    adopted: event('rollout.adopted', {
      model: 'tiny',
      version: '1.0',
      digest: versions['1.0'],
      dataset,
      by: 'operator',
    }),
    applied: event('rollout.applied', {
      rolloutId,
      by: 'operator',
      definition: {
        name: 'tiny',
        model: 'tiny',
        version: '1.1',
        digest: versions['1.1'],
        datasetName: 'tiny',
        dataset,
        authority: 'act',
        stages: STAGES.map((name) => ({ name, soakSeconds: 1 })),
        gates: [...DEFAULT_GATES],
      },
    }),
    stageEntered: (stage: StageName, stageEpoch: number) =>
      event('rollout.stage_entered', { rolloutId, stage, stageEpoch, share: shareOf(stage), requestedBy: 'operator' }),
    reverted: event('rollout.reverted', {
      from: { version: '1.1', digest: versions['1.1'] },
      to: { version: '1.0', digest: versions['1.0'] },
      by: 'operator',
      reason: 'test',
    }),
    aborted: event('rollout.aborted', { rolloutId, by: 'operator', reason: 'test' }),
    completed: (stageEpoch: number) => event('rollout.completed', { rolloutId, stageEpoch }),
  };
}

const events = rolloutEvents();

/** 1.0 serves, no rollout. */
export const adopted = (): RolloutsState => stateAfter([events.adopted]);
/** A rollout of 1.1 was applied, no stage entered. */
export const rolledOut = (): RolloutsState => stateAfter([events.adopted, events.applied]);
/** The rollout of 1.1 has entered a stage; its epoch is the stage's place in the order, from 1. */
export const inStage = (stage: StageName): RolloutsState => stateAfter(eventsTo(stage));
export const aborted = (): RolloutsState => stateAfter([...eventsTo('production'), events.aborted]);
/** 1.1 was completed and taken back to 1.0. */
export const reverted = (): RolloutsState =>
  stateAfter([...eventsTo('production'), events.completed(STAGES.length), events.reverted]);
export const completed = (): RolloutsState => stateAfter([...eventsTo('production'), events.completed(STAGES.length)]);

function eventsTo(stage: StageName): { id: string; type: string; at: string; data: unknown }[] {
  const stages = STAGES.slice(0, STAGES.indexOf(stage) + 1);
  return [events.adopted, events.applied, ...stages.map((name, index) => events.stageEntered(name, index + 1))];
}

function stateAfter(list: readonly { id: string; type: string; at: string; data: unknown }[]): RolloutsState {
  return list.reduce((state, event, index) => {
    const commit = {
      aggregate: { kind: 'rollouts' as const, id: 'tiny' },
      seq: index + 1,
      storedAt: event.at,
      by: 'coordinator-0',
      fence: undefined,
      events: [event],
    };
    return foldRollouts(state, parseCommit('rollouts', commit));
  }, initialRollouts('tiny'));
}

import {
  allUnread,
  type Evaluation,
  type Incident,
  openP0Incidents,
  type Rollout,
  sayUnread,
  type World,
} from '@conclave/core';
import { emptyStageTelemetry, type StageTelemetry } from './stage-telemetry.ts';

/** Everything the gates of one rollout may look at. */
export interface Evidence {
  readonly telemetry: StageTelemetry;
  /** Offline evaluations of this model digest on the pinned dataset, newest first. */
  readonly offline: readonly Evaluation[];
  /** Rollback tests of this rollout in this stage epoch, newest first. */
  readonly rollbackTests: readonly Evaluation[];
  readonly openP0: readonly Incident[];
  /** Incidents of which this version cannot read even what they are, each in words. */
  readonly unreadIncidents: readonly string[];
  readonly stableDigest: string | undefined;
  /** Digest of the dataset that stable serves. */
  readonly stableDataset: string | undefined;
}

/** Collects from the world what counts for exactly this rollout, digest, dataset and stage epoch. */
export function gatherEvidence(world: World, rollout: Rollout, telemetry: StageTelemetry | undefined): Evidence {
  const { digest, dataset, model } = rollout.definition;
  const evaluations = Object.values(world.evaluations).sort((a, b) => b.seq - a.seq);
  const fits = telemetry?.digest === digest && telemetry.stageEpoch === rollout.stageEpoch;
  return {
    telemetry: fits ? telemetry : emptyStageTelemetry(digest, rollout.stageEpoch),
    offline: evaluations.filter(
      (e) => e.request?.kind === 'offline' && e.request.digest === digest && e.request.dataset === dataset,
    ),
    rollbackTests: evaluations.filter(
      (e) =>
        e.request?.kind === 'rollback_test' &&
        e.request.rolloutId === rollout.rolloutId &&
        e.request.stageEpoch === rollout.stageEpoch &&
        e.request.digest === digest,
    ),
    openP0: openP0Incidents(world, model),
    unreadIncidents: allUnread(world)
      .filter(
        ({ key }) => key.startsWith('incidents/') && world.incidents[key.slice('incidents/'.length)] === undefined,
      )
      .map(({ key, ...commit }) => sayUnread(key, commit)),
    stableDigest: world.rollouts[model]?.stable?.digest,
    stableDataset: world.rollouts[model]?.stable?.dataset,
  };
}

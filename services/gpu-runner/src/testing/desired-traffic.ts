import type { Desired } from '../routing/traffic.ts';

export const DATASET = `sha256:${'d'.repeat(64)}`;
export const digestOfVersion = (version: string) => `sha256:${Buffer.from(version).toString('hex').padEnd(64, '0')}`;

/** Desired traffic with stable 1.0 and, if a share or mirror is given, candidate 1.1. */
export function desiring(
  seq: number,
  candidate?: { share?: number; mirror?: boolean; stageEpoch?: number },
  latencyThresholdMs = 50,
): Desired {
  const served = (version: string) => ({ version, digest: digestOfVersion(version), dataset: DATASET });
  const stable = { ...served('1.0'), since: '2026-01-01T00:00:00.000Z' };
  if (candidate === undefined) return { seq, stable, candidate: undefined, latencyThresholdMs };
  const { share = 0, mirror = false, stageEpoch = 1 } = candidate;
  return {
    seq,
    stable,
    candidate: { ...served('1.1'), rolloutId: 'r-1', stageEpoch, share, mirror },
    latencyThresholdMs,
  };
}

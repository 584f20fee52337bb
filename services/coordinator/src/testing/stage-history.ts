import assert from 'node:assert/strict';
import { addLatency, type Commit, emptySketch, type TelemetryWindow } from '@conclave/contracts';
import { foldWorld, initialWorld, type World } from '@conclave/core';
import { rolloutEventOf } from '../rollout/rollout-event.ts';
import { appliedWorld, CANDIDATE_DIGEST, MODEL, STABLE_DIGEST } from './test-world.ts';

/** Second `at` of the history. */
export const second = (at: number): string =>
  new Date(Date.parse('2026-01-01T00:01:00.000Z') + at * 1000).toISOString();

/** Commits that stages come from: 1 and 2 of one rollout, which is aborted, 3 of the next. Each is entered at 100 n and serves 10 s later. */
function stageCommits(): readonly Commit[] {
  const t = appliedWorld();
  t.advance(60);
  const rolloutId = () => t.state.current?.rolloutId ?? assert.fail('applied');
  const say = (at: number, type: 'rollout.stage_entered' | 'rollout.stage_serving', stageEpoch: number): void => {
    const facts = { ...t.facts(), now: new Date(second(at)) };
    const stage = (['shadow', '5_percent', 'shadow'] as const)[stageEpoch - 1] ?? assert.fail('three stages');
    t.appendRollout([
      type === 'rollout.stage_entered'
        ? rolloutEventOf(facts, type, { rolloutId: rolloutId(), stage, stageEpoch, share: 0, requestedBy: 'op' })
        : rolloutEventOf(facts, type, { rolloutId: rolloutId(), stageEpoch, runners: ['r-0'] }),
    ]);
  };
  for (const epoch of [1, 2, 3]) {
    say(epoch * 100, 'rollout.stage_entered', epoch);
    say(epoch * 100 + 10, 'rollout.stage_serving', epoch);
    if (epoch !== 2) continue;
    const { current } = t.state;
    const facts = { ...t.facts(), now: new Date(second(280)) };
    t.appendRollout([
      rolloutEventOf(facts, 'rollout.aborted', { rolloutId: rolloutId(), by: 'op', reason: 'no' }),
      rolloutEventOf(facts, 'rollout.applied', {
        rolloutId: 'again',
        definition: current?.definition ?? assert.fail('open'),
        by: 'op',
      }),
    ]);
  }
  return t.commits;
}

export const STAGE_COMMITS = stageCommits();

/** A world of its own after so many of them. */
export const worldAfter = (count = STAGE_COMMITS.length): World =>
  STAGE_COMMITS.slice(0, count).reduce(foldWorld, initialWorld());

/** A window of a version of which three requests were answered. */
export interface Shape {
  readonly candidate: boolean;
  readonly epoch: number;
  readonly wrongDigest?: boolean;
  readonly from: number;
  readonly seconds?: number;
  readonly runner?: string;
  readonly series?: string;
  readonly excluded?: boolean;
}

export function measured({
  candidate,
  epoch,
  wrongDigest = false,
  from,
  seconds = 10,
  ...rest
}: Shape): TelemetryWindow {
  const latency = emptySketch();
  for (let request = 0; request < 3; request++) addLatency(latency, request + 1);
  const own = candidate ? CANDIDATE_DIGEST : STABLE_DIGEST;
  return {
    ...{ kind: 'window', runner: rest.runner ?? 'r-0', model: MODEL, series: rest.series ?? 's-0' },
    ...{ version: candidate ? '1.0' : '0.9', digest: wrongDigest ? `sha256:${'e'.repeat(64)}` : own, mode: 'live' },
    ...(candidate ? { stageEpoch: epoch } : { besideEpoch: epoch }),
    ...{ from: second(from), to: second(from + seconds), requests: 3, errors: 0, withinSlo: 3 },
    ...{ latencyThresholdMs: 50, latency },
    ...(rest.excluded === true ? { excluded: 'rollback_test e-1' } : {}),
  };
}

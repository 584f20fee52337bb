import {
  ConclaveError,
  type EvaluationRequest,
  isConclaveError,
  type RollbackTestResult,
  shortDigest,
} from '@conclave/contracts';
import type { ServedVersion } from '@conclave/core';
import { type Clock, pass, systemClock } from '@conclave/service';
import type { Query } from '../retrieval/query-encoder.ts';
import type { Routed, Router } from '../routing/router.ts';
import { isMomentary, type Probe, ProbeResults } from './probe-results.ts';

export type RollbackTestRequest = Extract<EvaluationRequest, { kind: 'rollback_test' }>;

const PROBES = 20;
const K = 10;
/** How long, in milliseconds, a test waits for versions that are still loading: with the rest of a test, within the time that its result is waited for. */
const READY_PATIENCE_MS = 8000;
const READY_PAUSE_MS = 50;
/** How long, in milliseconds, a test asks again what meets full queues, besides draining: well within the time that its result is waited for. */
const OVERLOAD_PATIENCE_MS = 3000;
const OVERLOAD_PAUSE_MS = 50;

/**
 * Sends all traffic to stable and back, while users are served, and probes that it works: with all traffic on stable, each
 * probe, which the candidate would have answered, must be answered by stable as before; afterwards by the candidate again
 * where it has a share. No window of that time counts as evidence. A test that cannot be carried to its end, because a version still
 * loads, restarts or is replaced meanwhile, has no result and can be asked for again: one that did not pass takes the candidate's traffic.
 * @param drainTimeoutMs how long the candidate's running requests are waited for
 * @throws CVE_ROLLOUT_CONFLICT when the request does not fit the rollout, or no longer; CVE_INFER_NOT_READY when the versions are not
 * ready or the desired state is not confirmed, from the start or at any time until the end; CVE_INFER_OVERLOADED
 */
export async function runRollbackTest(
  router: Router,
  evaluationId: string,
  request: RollbackTestRequest,
  drainTimeoutMs: number,
  clock: Clock = systemClock,
): Promise<RollbackTestResult> {
  checkFits(router, request);
  const stable = requireServing(router, request);
  const patientUntil = clock.monotonicMs() + drainTimeoutMs + OVERLOAD_PATIENCE_MS;
  const ask: Ask = (send) => askPatiently(router, request, stable, send, patientUntil, clock);
  const probes = await probesOf(router, ask);
  const results = new ProbeResults();
  try {
    const orderedAt = clock.monotonicMs();
    router.setTest({ evaluationId, phase: 'stable_only' });
    const drained = await waitUntil(() => router.candidateInFlight === 0, drainTimeoutMs, clock);
    const swapToStableMs = clock.monotonicMs() - orderedAt;
    if (!drained) results.fail(`the candidate still had requests in flight after ${drainTimeoutMs} ms`);
    for (const probe of probes)
      await results.probe(probe, stable.version, () => ask(() => router.search(searchOf(probe))));

    const orderedBackAt = clock.monotonicMs();
    router.setTest({ evaluationId, phase: 'restored' });
    await swapBack(router, request, probes, results, ask);
    const swapBackMs = clock.monotonicMs() - orderedBackAt;
    for (const probe of probes) await results.probe(probe, stable.version, () => ask(() => directly(router, probe)));
    requireServing(router, request, stable);
    return results.result(swapToStableMs, swapBackMs);
  } finally {
    router.setTest(undefined);
  }
}

/** Sends a probe. @throws what is momentary, when it ends the test */
type Ask = (send: () => Promise<Routed>) => Promise<Routed>;

/** Between two questions the versions must be the ones that the test began with, and ready. */
async function askPatiently(
  router: Router,
  request: RollbackTestRequest,
  stable: ServedVersion,
  send: () => Promise<Routed>,
  patientUntil: number,
  clock: Clock,
): Promise<Routed> {
  for (;;) {
    requireServing(router, request, stable);
    try {
      const routed = await send();
      if (routed.candidateError === undefined) return routed;
      // Stable answered in place of a candidate that has just gone: that is no finding about the swap.
      requireServing(router, request, stable);
      if (!isMomentary(routed.candidateError)) return routed;
      throw routed.candidateError;
    } catch (error) {
      requireServing(router, request, stable);
      if (!isConclaveError(error, 'CVE_INFER_OVERLOADED') || clock.monotonicMs() > patientUntil) throw error;
    }
    await pass(clock, OVERLOAD_PAUSE_MS);
  }
}

async function swapBack(
  router: Router,
  request: RollbackTestRequest,
  probes: readonly Probe[],
  results: ProbeResults,
  ask: Ask,
): Promise<void> {
  requireServing(router, request);
  const { candidate } = router.desired;
  if (candidate === undefined) return;
  const traffic = router.refresh();
  if (candidate.share === 0) {
    if (candidate.mirror && !traffic.mirror) results.fail('mirroring did not resume after the swap back');
    return;
  }
  for (const probe of probes) {
    await results.candidateProbe(probe, request.version, () => ask(() => router.search(searchOf(probe))));
  }
}

/**
 * Waits a little until a test may begin: a runner that has just started, or hands over to another stable version, needs a moment.
 * @throws CVE_ROLLOUT_CONFLICT at once; CVE_INFER_NOT_READY when the versions are not ready in time
 */
export async function untilFits(
  router: Router,
  request: RollbackTestRequest,
  clock: Clock = systemClock,
): Promise<void> {
  const deadline = clock.monotonicMs() + READY_PATIENCE_MS;
  for (;;) {
    try {
      return checkFits(router, request);
    } catch (error) {
      if (!isConclaveError(error, 'CVE_INFER_NOT_READY') || clock.monotonicMs() > deadline) throw error;
    }
    await pass(clock, READY_PAUSE_MS);
  }
}

/**
 * Checks that a test may begin.
 * @throws CVE_ROLLOUT_CONFLICT when the request does not fit the rollout, CVE_INFER_NOT_READY when the versions are not ready for it
 */
export function checkFits(router: Router, request: RollbackTestRequest): void {
  requireServing(router, request);
  if (router.test === undefined) return;
  throw new ConclaveError(
    'CVE_INFER_NOT_READY',
    `rollback test ${router.test.evaluationId} is running; try again after it`,
  );
}

/**
 * What must hold from the start of a test to its end.
 * @param tested the stable version that the test began with
 * @returns the stable version that is asked for, and answers
 */
function requireServing(router: Router, request: RollbackTestRequest, tested?: ServedVersion): ServedVersion {
  const { candidate, stable } = router.desired;
  if (!isSameRollout(router, request)) {
    const asked = `rollout ${request.rolloutId}, epoch ${request.stageEpoch}, ${request.version} (${shortDigest(request.digest)})`;
    const present =
      candidate === undefined
        ? 'none is under way'
        : `it serves rollout ${candidate.rolloutId}, epoch ${candidate.stageEpoch}, ${candidate.version} (${shortDigest(candidate.digest)})`;
    throw new ConclaveError(
      'CVE_ROLLOUT_CONFLICT',
      `the rollback test asks for ${asked}, but ${present}; ask for the present stage`,
    );
  }
  if (!router.confirmed) {
    throw new ConclaveError(
      'CVE_INFER_NOT_READY',
      'the desired state is not confirmed, only stable is served; try again when the coordinator is back',
    );
  }
  if (router.awaited !== undefined) {
    throw new ConclaveError(
      'CVE_INFER_NOT_READY',
      `stable ${router.awaited.version} is still loading and ${stable?.version ?? 'nothing'} answers in its place; try again when it is ready`,
    );
  }
  for (const role of ['stable', 'candidate'] as const) {
    const state = router.target(role)?.state ?? 'absent';
    if (state !== 'ready')
      throw new ConclaveError('CVE_INFER_NOT_READY', `${role} is ${state}; try again when it is ready`);
  }
  if (
    stable === undefined ||
    (tested !== undefined && (tested.digest !== stable.digest || tested.dataset !== stable.dataset))
  ) {
    throw new ConclaveError(
      'CVE_INFER_NOT_READY',
      `stable became ${stable?.version ?? 'none'} while the test ran with ${tested?.version ?? 'none'}; try again`,
    );
  }
  return stable;
}

function isSameRollout({ desired: { candidate } }: Router, request: RollbackTestRequest): boolean {
  return (
    candidate?.rolloutId === request.rolloutId &&
    candidate.stageEpoch === request.stageEpoch &&
    candidate.version === request.version &&
    candidate.digest === request.digest
  );
}

async function probesOf(router: Router, ask: Ask): Promise<Probe[]> {
  const queries = router.target('stable')?.probes ?? [];
  const probes: Probe[] = [];
  for (let i = 0; i < PROBES; i++) {
    const query = queries[i % queries.length];
    if (query === undefined) break;
    const routed = await ask(() => directly(router, { query }));
    probes.push({ query, before: routed.answers[0] ?? [] });
  }
  return probes;
}

/** Asks stable past the router, so that nothing is counted. */
async function directly(router: Router, { query }: { readonly query: Query }): Promise<Routed> {
  return await router.searchVersion(router.desired.stable?.version ?? '', { queries: [query], k: K, key: undefined });
}

function searchOf({ query }: Probe) {
  return { queries: [query], k: K, key: undefined, isProbe: true };
}

async function waitUntil(condition: () => boolean, timeoutMs: number, clock: Clock): Promise<boolean> {
  const deadline = clock.monotonicMs() + timeoutMs;
  while (!condition()) {
    if (clock.monotonicMs() > deadline) return false;
    await pass(clock, 1);
  }
  return true;
}

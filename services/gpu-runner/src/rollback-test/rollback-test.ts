import {
  ConclaveError,
  type EvaluationRequest,
  messageOf,
  type RollbackTestResult,
  shortDigest,
} from '@conclave/contracts';
import type { Query } from '../retrieval/query-encoder.ts';
import type { Routed, Router } from '../routing/router.ts';
import { splitPoint } from '../routing/split.ts';
import type { Retrieved } from '../statistics/ndcg.ts';
import { differenceOf } from './answers.ts';

export type RollbackTestRequest = Extract<EvaluationRequest, { kind: 'rollback_test' }>;

const PROBES = 20;
const K = 10;
/** Largest difference of scores that rounding may make. */
const TOLERANCE = 1e-4;

/**
 * Sends all traffic to stable and back, while users are served, and probes that it works: with all traffic on stable, each
 * probe, with a client key of the candidate's share, must be answered by stable as before; afterwards by the candidate again
 * where it has a share. No window of that time counts as evidence.
 * @param drainTimeoutMs how long the candidate's running requests are waited for
 * @throws CVE_ROLLOUT_CONFLICT when the request does not fit the rollout, CVE_INFER_NOT_READY when the versions are not ready for it
 */
export async function runRollbackTest(
  router: Router,
  evaluationId: string,
  request: RollbackTestRequest,
  drainTimeoutMs: number,
): Promise<RollbackTestResult> {
  checkFits(router, request);
  const probes = await probesOf(router, request);
  const tally = new Tally();
  try {
    const orderedAt = performance.now();
    router.setTest({ evaluationId, phase: 'stable_only' });
    const drained = await waitUntil(() => router.candidateInFlight === 0, drainTimeoutMs);
    const swapToStableMs = performance.now() - orderedAt;
    if (!drained) tally.fail(`the candidate still had requests in flight after ${drainTimeoutMs} ms`);
    const stable = router.desired.stable?.version;
    for (const probe of probes) await tally.probe(probe, stable, () => router.search(searchOf(probe)));

    const orderedBackAt = performance.now();
    router.setTest({ evaluationId, phase: 'restored' });
    await swapBack(router, request, probes, tally);
    const swapBackMs = performance.now() - orderedBackAt;
    for (const probe of probes) await tally.probe(probe, stable, () => directly(router, probe));
    if (!isSameRollout(router, request)) tally.fail('the rollout changed while the test ran');
    return tally.result(swapToStableMs, swapBackMs);
  } finally {
    router.setTest(undefined);
  }
}

interface Probe {
  readonly query: Query;
  readonly key: string;
  /** What stable answered before the swap. */
  readonly before: readonly Retrieved[];
}

/** What the probes found. */
class Tally {
  #probes = 0;
  #failed = 0;
  #maxDifference = 0;
  readonly #problems: string[] = [];

  fail(problem: string): void {
    this.#problems.push(problem);
  }

  /** A probe that must be answered by a version and, if that is stable, as before. */
  async probe({ query, before }: Probe, version: string | undefined, ask: () => Promise<Routed>): Promise<void> {
    await this.#count(query, async () => {
      const routed = await ask();
      if (routed.version !== version) return `answered by ${routed.version} instead of ${version}`;
      const difference = differenceOf(before, routed.answers[0] ?? [], TOLERANCE);
      this.#maxDifference = Math.max(this.#maxDifference, difference.score);
      if (!difference.sameDocuments) return 'stable found other documents than before the swap';
      return difference.score > TOLERANCE ? `scores of stable differ by ${difference.score}` : undefined;
    });
  }

  /** A probe that must be answered by the candidate. */
  async candidateProbe({ query }: Probe, version: string, ask: () => Promise<Routed>): Promise<void> {
    await this.#count(query, async () => {
      const routed = await ask();
      return routed.version === version
        ? undefined
        : `after the swap back answered by ${routed.version} instead of ${version}`;
    });
  }

  result(swapToStableMs: number, swapBackMs: number): RollbackTestResult {
    const passed = this.#failed === 0 && this.#problems.length === 0;
    const good = `${this.#probes} probes, all traffic on stable within ${swapToStableMs.toFixed(1)} ms`;
    return {
      kind: 'rollback_test',
      passed,
      probes: this.#probes,
      failedProbes: this.#failed,
      maxDifference: this.#maxDifference,
      tolerance: TOLERANCE,
      swapToStableMs,
      swapBackMs,
      detail: passed ? good : [...new Set(this.#problems)].slice(0, 5).join('; '),
    };
  }

  async #count(query: Query, problemOf: () => Promise<string | undefined>): Promise<void> {
    this.#probes++;
    const problem = await problemOf().catch((error: unknown) => messageOf(error));
    if (problem === undefined) return;
    this.#failed++;
    this.fail(typeof query === 'string' ? `query "${query}": ${problem}` : problem);
  }
}

async function swapBack(
  router: Router,
  request: RollbackTestRequest,
  probes: readonly Probe[],
  tally: Tally,
): Promise<void> {
  const { candidate } = router.desired;
  if (candidate === undefined) return;
  const traffic = router.refresh();
  if (candidate.share === 0) {
    if (candidate.mirror && !traffic.mirror) tally.fail('mirroring did not resume after the swap back');
    return;
  }
  for (const probe of probes) await tally.candidateProbe(probe, request.version, () => router.search(searchOf(probe)));
}

/**
 * Checks that a test may begin.
 * @throws CVE_ROLLOUT_CONFLICT when the request does not fit the rollout, CVE_INFER_NOT_READY when the versions are not ready for it
 */
export function checkFits(router: Router, request: RollbackTestRequest): void {
  const { candidate } = router.desired;
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
  if (router.test !== undefined) {
    throw new ConclaveError(
      'CVE_INFER_NOT_READY',
      `rollback test ${router.test.evaluationId} is running; try again after it`,
    );
  }
  if (!router.confirmed) {
    throw new ConclaveError(
      'CVE_INFER_NOT_READY',
      'the desired state is not confirmed, only stable is served; try again when the coordinator is back',
    );
  }
  for (const role of ['stable', 'candidate'] as const) {
    const state = router.target(role)?.state ?? 'absent';
    if (state !== 'ready')
      throw new ConclaveError('CVE_INFER_NOT_READY', `${role} is ${state}; try again when it is ready`);
  }
}

function isSameRollout({ desired: { candidate } }: Router, request: RollbackTestRequest): boolean {
  return (
    candidate?.rolloutId === request.rolloutId &&
    candidate.stageEpoch === request.stageEpoch &&
    candidate.version === request.version &&
    candidate.digest === request.digest
  );
}

async function probesOf(router: Router, { model }: RollbackTestRequest): Promise<Probe[]> {
  const share = router.desired.candidate?.share ?? 0;
  const queries = router.target('stable')?.probes ?? [];
  const probes: Probe[] = [];
  for (let i = 0; probes.length < PROBES && queries.length > 0; i++) {
    const key = `rollback-test-probe-${i}`;
    const query = queries[probes.length % queries.length];
    if (query === undefined || (share > 0 && splitPoint(model, key) >= share)) continue;
    const routed = await directly(router, { query });
    probes.push({ query, key, before: routed.answers[0] ?? [] });
  }
  return probes;
}

/** Asks stable past the router, so that nothing is counted. */
async function directly(router: Router, { query }: { readonly query: Query }): Promise<Routed> {
  return await router.searchVersion(router.desired.stable?.version ?? '', { queries: [query], k: K, key: undefined });
}

function searchOf({ query, key }: Probe) {
  return { queries: [query], k: K, key };
}

async function waitUntil(condition: () => boolean, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return true;
}

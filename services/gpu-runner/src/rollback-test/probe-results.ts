import { type ErrorCode, isConclaveError, messageOf, type RollbackTestResult } from '@conclave/contracts';
import type { Query } from '../retrieval/query-encoder.ts';
import type { Routed } from '../routing/router.ts';
import type { Retrieved } from '../statistics/ndcg.ts';
import { differenceOf } from './compare-answers.ts';

/** Largest difference of scores that rounding may make, in parts of the score where that is above 1. */
const TOLERANCE = 1e-4;

const MOMENTARY: readonly ErrorCode[] = ['CVE_ROLLOUT_CONFLICT', 'CVE_INFER_NOT_READY', 'CVE_INFER_OVERLOADED'];

/** Whether an error says something about the moment and nothing about the swap. */
export function isMomentary(error: unknown): boolean {
  return isConclaveError(error) && MOMENTARY.includes(error.code);
}

/** A query that both versions are asked. */
export interface Probe {
  readonly query: Query;
  /** What stable answered before the swap. */
  readonly before: readonly Retrieved[];
}

/** What the probes found. */
export class ProbeResults {
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
    const problem = await problemOf().catch((error: unknown) => {
      if (isMomentary(error)) throw error;
      return messageOf(error);
    });
    if (problem === undefined) return;
    this.#failed++;
    this.fail(typeof query === 'string' ? `query "${query}": ${problem}` : problem);
  }
}

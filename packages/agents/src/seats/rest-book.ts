import type { ConclaveError } from '@conclave/contracts';
import { VendorFailure } from '../failures.ts';
import type { Candidate } from './plan-seat.ts';

/*
 * Which vendors and models have failed of late. All chairs of a process share one book, so that one chair's timeout is not paid by each.
 * What may pass in seconds only steps behind the substitutes; what hung or refuses the key, the model or the request rests.
 */

const STEPS_BACK_MS = 30_000;
const TIMED_OUT_MS = 120_000;
const REFUSED_MS = 600_000;
const LONGEST_MS = 600_000;

interface Rest {
  /** As the book's clock counts. */
  readonly untilMs: number;
  /** Not asked at all, also where nobody else can be. */
  readonly isFirm: boolean;
  readonly error: ConclaveError;
}

export class RestBook {
  readonly #rests = new Map<string, Rest>();
  readonly #monotonicMs: () => number;

  constructor(monotonicMs: () => number = () => performance.now()) {
    this.#monotonicMs = monotonicMs;
  }

  /** Notes a failed call. @returns whether it tells of the vendor or of this model alone. */
  failed(candidate: Candidate, error: ConclaveError): 'vendor' | 'model' {
    const { key, forMs, isFirm } = restFor(candidate, error);
    this.#rests.set(key, { untilMs: this.#monotonicMs() + forMs, isFirm, error });
    return key === candidate.endpoint.id ? 'vendor' : 'model';
  }

  /** Notes an answered call: the vendor is well again. */
  answered(candidate: Candidate): void {
    for (const key of keysOf(candidate)) this.#rests.delete(key);
  }

  /** The rest that a candidate is under; undefined when it may be asked. */
  restOf(candidate: Candidate): Rest | undefined {
    const now = this.#monotonicMs();
    const rests = keysOf(candidate)
      .flatMap((key) => this.#rests.get(key) ?? [])
      .filter(({ untilMs }) => untilMs > now);
    return rests.find(({ isFirm }) => isFirm) ?? rests[0];
  }
}

function restFor(candidate: Candidate, error: ConclaveError): { key: string; forMs: number; isFirm: boolean } {
  const [endpoint, model] = keysOf(candidate);
  if (error.code === 'CVE_CHAT_TIMEOUT') return { key: endpoint, forMs: TIMED_OUT_MS, isFirm: true };
  if (error.code === 'CVE_CHAT_NOT_CONFIGURED') {
    const isKey = error instanceof VendorFailure && (error.status === 401 || error.status === 403);
    return { key: isKey ? endpoint : model, forMs: REFUSED_MS, isFirm: true };
  }
  return { key: endpoint, forMs: Math.min(error.retryAfterMs ?? STEPS_BACK_MS, LONGEST_MS), isFirm: false };
}

function keysOf({ endpoint, model }: Candidate): [endpoint: string, model: string] {
  return [endpoint.id, `${endpoint.id} ${model}`];
}

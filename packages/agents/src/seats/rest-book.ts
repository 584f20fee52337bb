import type { ConclaveError } from '@conclave/contracts';
import { VendorFailure } from '../failures.ts';
import type { Candidate } from './plan-seat.ts';

/*
 * Which vendors and models have failed of late. All chairs of a process share one book, so that one chair's timeout is not paid by each.
 * Who failed in a way that may pass steps behind the substitutes, and is asked where nobody else is left: a slow answer to one chair must not
 * empty the others. A refused key and an unknown model rest; a refused request tells nothing of the next one.
 */

const STEPS_BACK_MS = 30_000;
const TIMED_OUT_MS = 120_000;
const REFUSED_MS = 600_000;
const LONGEST_MS = 600_000;

interface Rest {
  /** As the book's clock counts. */
  readonly untilMs: number;
  /** Asked last of all, only where nobody else is left; `firm`: not at all. */
  readonly how: 'behind' | 'last' | 'firm';
  readonly error: ConclaveError;
}

export class RestBook {
  readonly #rests = new Map<string, Rest>();
  readonly #monotonicMs: () => number;

  constructor(monotonicMs: () => number = () => performance.now()) {
    this.#monotonicMs = monotonicMs;
  }

  /** Notes a failed call. @returns whether it tells of the vendor, of this model alone, or of no more than this request. */
  failed(candidate: Candidate, error: ConclaveError): 'vendor' | 'model' | 'request' {
    const rest = restFor(error);
    if (rest === undefined) return 'request';
    const [endpoint, model] = keysOf(candidate);
    const { about, forMs, how } = rest;
    this.#rests.set(about === 'vendor' ? endpoint : model, { untilMs: this.#monotonicMs() + forMs, how, error });
    return about;
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
    return rests.toSorted((a, b) => STRENGTH.indexOf(b.how) - STRENGTH.indexOf(a.how))[0];
  }
}

const STRENGTH: readonly Rest['how'][] = ['behind', 'last', 'firm'];

function restFor(error: ConclaveError): { about: 'vendor' | 'model'; forMs: number; how: Rest['how'] } | undefined {
  if (error.code === 'CVE_CHAT_TIMEOUT') return { about: 'vendor', forMs: TIMED_OUT_MS, how: 'last' };
  if (error.code !== 'CVE_CHAT_NOT_CONFIGURED') {
    return { about: 'vendor', forMs: Math.min(error.retryAfterMs ?? STEPS_BACK_MS, LONGEST_MS), how: 'behind' };
  }
  const status = error instanceof VendorFailure ? error.status : undefined;
  if (status === 401 || status === 403) return { about: 'vendor', forMs: REFUSED_MS, how: 'firm' };
  return status === 404 ? { about: 'model', forMs: REFUSED_MS, how: 'firm' } : undefined;
}

function keysOf({ endpoint, model }: Candidate): [endpoint: string, model: string] {
  return [endpoint.id, `${endpoint.id} ${model}`];
}

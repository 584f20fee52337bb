import type { InferRequest } from '@conclave/contracts';

const TIMEOUT_MS = 5000;
/** An endpoint that did not answer is asked last for this long: most that are asked again are asked for nothing. */
const REST_MS = 1000;
/** May be tried again, says docs/bundles.md: too many requests wait there, or nothing is ready. */
const ELSEWHERE: ReadonlySet<number> = new Set([429, 503]);

export interface Asked {
  readonly model: string;
  readonly body: InferRequest;
  readonly clientKey: string | undefined;
  readonly httpToken: string | undefined;
}

export interface Answer {
  readonly version: string;
  readonly body: string;
}

/** Which endpoints to ask, and in which order. */
export interface Turns {
  /** Each endpoint once; every call begins with the next one. */
  next(): readonly string[];
  /** It did not answer. */
  failed(endpoint: string): void;
}

export function turns(endpoints: () => readonly string[]): Turns {
  const restsUntil = new Map<string, number>();
  let turn = 0;
  return {
    next() {
      const all = endpoints();
      const first = all.length === 0 ? 0 : turn++ % all.length;
      const inTurn = [...all.slice(first), ...all.slice(0, first)];
      const rests = (endpoint: string): boolean => (restsUntil.get(endpoint) ?? 0) > performance.now();
      return [...inTurn.filter((endpoint) => !rests(endpoint)), ...inTurn.filter(rests)];
    },
    failed(endpoint) {
      restsUntil.set(endpoint, performance.now() + REST_MS);
    },
  };
}

/**
 * Asks one runner, and the next where that one is away, overloaded or not ready.
 * @param onRetry told before another runner is asked
 * @throws Error with what the last one said
 */
export async function askInTurn(order: Turns, asked: Asked, onRetry: () => void = () => {}): Promise<Answer> {
  let last: Error = new Error(`no runner serves ${asked.model} at present`);
  for (const [attempt, endpoint] of order.next().entries()) {
    if (attempt > 0) onRetry();
    const outcome = await ask(endpoint, asked);
    if (!(outcome instanceof Error)) return outcome;
    last = outcome;
    if (!(outcome instanceof TryElsewhere)) break;
    order.failed(endpoint);
  }
  throw last;
}

class TryElsewhere extends Error {}

async function ask(endpoint: string, { model, body, clientKey, httpToken }: Asked): Promise<Answer | Error> {
  try {
    const response = await fetch(`${endpoint}/v2/models/${encodeURIComponent(model)}/infer`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(clientKey === undefined ? {} : { 'x-client-key': clientKey }),
        ...bearer(httpToken),
      },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const text = await response.text();
    if (response.ok) return { version: response.headers.get('x-conclave-version') ?? 'unknown', body: text };
    const said = `HTTP ${response.status}: ${text.slice(0, 200)}`;
    return ELSEWHERE.has(response.status) ? new TryElsewhere(said) : new Error(said);
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    return new TryElsewhere(`${endpoint}: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}

/** The header that a service with a token asks for. */
export function bearer(httpToken: string | undefined): Record<string, string> {
  return httpToken === undefined ? {} : { authorization: `Bearer ${httpToken}` };
}

/** Traffic as users would send it: an open loop at a fixed rate, each request under one of many client keys. */
export interface LoadDriver {
  readonly counts: LoadCounts;
  stop(): Promise<void>;
}

export interface LoadCounts {
  readonly sent: number;
  readonly answered: number;
  readonly failed: number;
  /** Requests not sent because too many were waiting for an answer. */
  readonly withheld: number;
  readonly lastFailure: string | undefined;
  /** Answers by the version that gave them. */
  readonly byVersion: Readonly<Record<string, number>>;
}

export interface LoadOptions {
  /** Base URL of the gpu-runner, e.g. `http://127.0.0.1:7071`. */
  readonly url: string;
  /** Bearer token, where the services ask for one. */
  readonly httpToken?: string | undefined;
  readonly model: string;
  readonly queries: readonly string[];
  readonly requestsPerSecond: number;
  readonly clients: number;
}

const TURN_MS = 20;
const MAX_WAITING = 200;
const TIMEOUT_MS = 5000;

export function startLoad({ url, httpToken, model, queries, requestsPerSecond, clients }: LoadOptions): LoadDriver {
  const counts = {
    sent: 0,
    answered: 0,
    failed: 0,
    withheld: 0,
    lastFailure: undefined as string | undefined,
    byVersion: {} as Record<string, number>,
  };
  const waiting = new Set<Promise<void>>();
  const startedAt = performance.now();
  let due = 0;

  const send = async (n: number): Promise<void> => {
    const text = queries[n % queries.length] ?? '';
    // A step that is coprime to the number of queries pairs every client with every query over time.
    const clientKey = `client-${(n * 7) % clients}`;
    try {
      const response = await fetch(`${url}/v2/models/${model}/infer`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-client-key': clientKey, ...bearer(httpToken) },
        body: JSON.stringify({
          inputs: [{ name: 'query', datatype: 'BYTES', shape: [1], data: [text] }],
          parameters: { k: 10 },
        }),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      const body = await response.text();
      if (!response.ok) throw new Error(`HTTP ${response.status}: ${body.slice(0, 200)}`);
      counts.answered += 1;
      const version = response.headers.get('x-conclave-version') ?? 'unknown';
      counts.byVersion[version] = (counts.byVersion[version] ?? 0) + 1;
    } catch (error) {
      counts.failed += 1;
      counts.lastFailure =
        error instanceof Error ? (error.cause instanceof Error ? error.cause.message : error.message) : String(error);
    }
  };

  const timer = setInterval(() => {
    const target = Math.floor(((performance.now() - startedAt) / 1000) * requestsPerSecond);
    for (; due < target; due++) {
      if (waiting.size >= MAX_WAITING) {
        counts.withheld += 1;
        continue;
      }
      counts.sent += 1;
      const request = send(due).finally(() => waiting.delete(request));
      waiting.add(request);
    }
  }, TURN_MS);

  return {
    counts,
    async stop() {
      clearInterval(timer);
      await Promise.allSettled([...waiting]);
    },
  };
}

/** The header that a service with a token asks for. */
export function bearer(httpToken: string | undefined): Record<string, string> {
  return httpToken === undefined ? {} : { authorization: `Bearer ${httpToken}` };
}

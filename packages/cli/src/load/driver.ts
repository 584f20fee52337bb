import type { InferRequest } from '@conclave/contracts';
import { type Answer, type Asked, askInTurn, type Turns, turns } from './ask-in-turn.ts';

/** Traffic as users would send it: an open loop at a fixed rate, each request under one of many client keys. */
export interface LoadDriver {
  readonly counts: LoadCounts;
  stop(): Promise<void>;
}

export interface LoadCounts {
  readonly sent: number;
  readonly answered: number;
  readonly failed: number;
  /** Requests that one runner did not answer and another was asked. */
  readonly retried: number;
  /** Requests not sent because too many were waiting for an answer. */
  readonly withheld: number;
  readonly lastFailure: string | undefined;
  /** Answers by the version that gave them. */
  readonly byVersion: Readonly<Record<string, number>>;
}

export interface LoadOptions {
  /** Base URLs of the runners, e.g. `http://127.0.0.1:7071`, as they are now; requests take turns on them. */
  endpoints(): readonly string[];
  /** Bearer token, where the services ask for one. */
  readonly httpToken?: string | undefined;
  readonly model: string;
  /** At least one. */
  readonly inputs: readonly InferRequest['inputs'][number][];
  readonly requestsPerSecond: number;
  readonly clients: number;
  /** Told of each answer, and how long it took from the first attempt on. */
  onAnswer?(answer: Answer, latencyMs: number): void;
}

const TURN_MS = 20;
const MAX_WAITING = 200;

export function startLoad(options: LoadOptions): LoadDriver {
  const { endpoints, httpToken, model, inputs, requestsPerSecond, clients, onAnswer } = options;
  const counts = {
    sent: 0,
    answered: 0,
    failed: 0,
    retried: 0,
    withheld: 0,
    lastFailure: undefined as string | undefined,
    byVersion: {} as Record<string, number>,
  };
  const waiting = new Set<Promise<void>>();
  const startedAt = performance.now();
  const order: Turns = turns(endpoints);
  let due = 0;

  const send = async (n: number): Promise<void> => {
    const input = inputs[n % inputs.length];
    if (input === undefined) return;
    // A step that is coprime to the number of queries pairs every client with every query over time.
    const clientKey = `client-${(n * 7) % clients}`;
    const asked: Asked = { model, body: { inputs: [input], parameters: { k: 10 } }, clientKey, httpToken };
    const sentAt = performance.now();
    try {
      const answer = await askInTurn(order, asked, () => {
        counts.retried += 1;
      });
      counts.answered += 1;
      counts.byVersion[answer.version] = (counts.byVersion[answer.version] ?? 0) + 1;
      onAnswer?.(answer, performance.now() - sentAt);
    } catch (error) {
      counts.failed += 1;
      counts.lastFailure = error instanceof Error ? error.message : String(error);
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

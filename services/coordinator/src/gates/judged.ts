import type { Verdict } from '@conclave/contracts';

/** The part of a verdict that a source decides. */
export type Judged = Pick<Verdict, 'outcome' | 'value' | 'interval' | 'samples' | 'window' | 'source' | 'sentence'>;

export interface JudgeContext {
  readonly now: Date;
  /** Online evidence older than this is stale, in seconds. */
  readonly evidenceMaxAgeSeconds: number;
}

/** A verdict without a number. */
export function withoutValue(outcome: Judged['outcome'], source: string, sentence: string, samples = 0): Judged {
  return { outcome, value: null, interval: null, samples, window: null, source, sentence };
}

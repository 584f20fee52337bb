import type { RunnerStatus } from '@conclave/contracts';
import { percent } from '@conclave/core';

/** A version and the share of live traffic that it is asked to have. */
export interface SplitLine {
  readonly version: string;
  /** `20%`, or `copies` for a candidate in shadow, which answers nobody. */
  readonly asked: string;
}

/** What the runners are asked to do with a model's traffic, by the one that has read furthest. */
export function askedSplit(runners: readonly RunnerStatus[], model: string): readonly SplitLine[] {
  const served = runners
    .flatMap((runner) => runner.models.filter((one) => one.model === model))
    .sort((a, b) => b.rolloutSeq - a.rolloutSeq)[0];
  return (served?.versions ?? [])
    .filter(({ mode }) => mode !== 'idle')
    .map(({ version, share, mode }) => ({ version, asked: mode === 'mirror' ? 'copies' : percent(share) }));
}

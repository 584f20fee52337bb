import { entryOf, type RecordedGate, type Verdict, type VerdictOutcome } from '@conclave/contracts';

/** What is measured where a gate passes, in its own unit. */
interface Measured {
  readonly value: number;
  readonly interval: Verdict['interval'];
  readonly samples: number;
  readonly source: string;
  readonly sentence: string;
  /** Whether it rests on the dataset. */
  readonly offline: boolean;
}

const PASSING: Readonly<Record<string, Measured>> = {
  'ndcg@10': {
    value: 0.741,
    interval: { low: 0.722, high: 0.77 },
    samples: 600,
    source: 'offline-1',
    sentence: 'ndcg@10 0.741 [0.722-0.770] on 600 queries reaches 0.72',
    offline: true,
  },
  'ndcg@10_exponential': {
    value: 0.733,
    interval: { low: 0.714, high: 0.762 },
    samples: 600,
    source: 'offline-1',
    sentence: 'ndcg@10 with exponential gain 0.733 [0.714-0.762] on 600 queries reaches its threshold',
    offline: true,
  },
  latency_p95_ms: {
    value: 3.2,
    interval: { low: 2.9, high: 3.6 },
    samples: 412,
    source: 'telemetry',
    sentence: 'P95 3.2 ms [2.9-3.6] over 412 requests, needs < 50',
    offline: false,
  },
  slo_compliance: {
    value: 0.9976,
    interval: { low: 0.991, high: 0.999 },
    samples: 412,
    source: 'telemetry',
    sentence: '411 of 412 requests were answered without error within 50 ms',
    offline: false,
  },
  open_p0_incidents: {
    value: 0,
    interval: null,
    samples: 1,
    source: 'incidents',
    sentence: 'no open P0 incident',
    offline: false,
  },
  rollback_test_passed: {
    value: 1,
    interval: null,
    samples: 2,
    source: 'rollback-test-1',
    sentence: 'swap to stable and back passed on every runner',
    offline: false,
  },
  'ndcg@10_difference': {
    value: 0.031,
    interval: { low: 0.012, high: 0.049 },
    samples: 600,
    source: 'offline-1',
    sentence: 'no significant loss against stable on the same 600 queries (p = 0.999)',
    offline: true,
  },
};

/** A verdict of one gate with numbers as they are measured; what did not pass says so in its sentence and keeps the numbers. */
export function verdictOf(
  gate: RecordedGate,
  outcome: VerdictOutcome,
  about: Pick<Verdict, 'stageEpoch' | 'modelDigest'> & { readonly dataset: string },
): Verdict {
  const passing = entryOf(PASSING, gate.metric);
  if (passing === undefined) throw new Error(`nothing is known that passes a gate of metric ${gate.metric}`);
  const { offline, sentence, ...measured } = passing;
  const { name, operator, threshold, dryRun } = gate;
  return {
    gate: name,
    outcome,
    ...measured,
    operator,
    threshold,
    minSamples: gate.minSamples ?? 0,
    window: null,
    stageEpoch: about.stageEpoch,
    modelDigest: about.modelDigest,
    datasetDigest: offline ? about.dataset : null,
    dryRun,
    sentence: outcome === 'pass' ? sentence : `${name} is ${outcome}`,
  };
}

/** What a predicate can be about. Latencies in milliseconds, shares and rates 0 to 1. */
export type Quantity =
  | 'ndcg@10'
  /** Candidate minus stable, and the lower end of its interval. */
  | 'ndcg_difference'
  | 'ndcg_difference_low'
  | 'latency_p50_ms'
  | 'latency_p95_ms'
  | 'latency_p99_ms'
  | 'slo_compliance'
  | 'errors'
  | 'error_rate'
  | 'requests'
  | 'measured_share';

const QUANTITIES: readonly (readonly [RegExp, Quantity])[] = [
  [/^ndcg(@10|_at_10)?$/, 'ndcg@10'],
  [/^(latency_)?p50(_latency)?(_ms)?$/, 'latency_p50_ms'],
  [/^(latency_)?p99(_latency)?(_ms)?$/, 'latency_p99_ms'],
  [/^(p95_)?latency(_p95)?(_ms)?$|^p95(_ms)?$/, 'latency_p95_ms'],
  [/^slos?(_compliance)?$/, 'slo_compliance'],
  [/^errors?(_count)?$/, 'errors'],
  [/^error_rate$/, 'error_rate'],
  [/^(requests?|samples?)(_count)?$|^n$/, 'requests'],
  [/^(measured_|traffic_)?share$|^(traffic_)?split$/, 'measured_share'],
  [/^(ndcg(@10)?|paired)_difference$/, 'ndcg_difference'],
  [/^(ndcg(@10)?|paired)_difference_(lower_bound|low)$/, 'ndcg_difference_low'],
];

/** The quantity that a subject names. */
export function quantityOf(subject: string): Quantity | undefined {
  return QUANTITIES.find(([pattern]) => pattern.test(subject))?.[1];
}

const SHARES: readonly Quantity[] = ['slo_compliance', 'measured_share', 'error_rate', 'ndcg@10'];

/** A number in the quantity's own unit; undefined when the unit does not fit. */
export function numberOf(text: string, quantity: Quantity): number | undefined {
  const { digits, unit = '' } =
    /^(?<digits>-?\d+(?:\.\d+)?)\s*(?<unit>%|percent|ms|milliseconds?|s|seconds?)?$/i.exec(text)?.groups ?? {};
  if (digits === undefined) return undefined;
  const number = Number(digits);
  const isLatency = quantity.startsWith('latency');
  const isShare = SHARES.includes(quantity);
  if (unit === '') return number;
  if (unit === '%' || /^percent$/i.test(unit)) return isShare ? number / 100 : undefined;
  if (!isLatency) return undefined;
  return /^m/i.test(unit) ? number : number * 1000;
}

/** A name as it stands on the left of a comparison, without the tool that it may be qualified by. */
export function subjectOf(name: string): string {
  return name
    .trim()
    .toLowerCase()
    .replace(/[\s-]+/g, '_')
    .replace(/^(?:smoke_test|collect_metrics|run_evaluation|deploy_model|rollback_model|run_python_script)\./, '');
}

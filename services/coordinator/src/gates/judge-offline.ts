import type { GateOf, OfflineResult } from '@conclave/contracts';
import type { Evaluation } from '@conclave/core';
import type { Evidence } from './evidence.ts';
import { type Judged, withoutValue } from './judged.ts';

/** An absolute quality gate: the point estimate against the threshold, with at least `minSamples` judged queries. */
export function judgeEvaluation(gate: GateOf<'evaluation'>, evidence: Evidence): Judged {
  const found = newestResult(evidence.offline, () => true);
  if ('outcome' in found) return found;
  const { result, evaluation } = found;
  const estimate = result.metrics[gate.metric];
  if (estimate === undefined)
    return withoutValue(
      'inconclusive',
      evaluation.evaluationId,
      `the evaluation measured ${Object.keys(result.metrics).join(', ')} and not ${gate.metric}: upgrade the runner, then run_evaluation`,
    );
  const { value, low, high } = estimate;
  const base = {
    value,
    interval: { low, high },
    samples: result.queries,
    window: null,
    source: evaluation.evaluationId,
  };
  if (result.queries < gate.minSamples) {
    return {
      ...base,
      outcome: 'inconclusive',
      sentence: `${result.queries} queries with relevant documents, ${gate.minSamples} needed: use a larger dataset`,
    };
  }
  const passed = value >= gate.threshold;
  const text = `${gate.metric} ${value.toFixed(3)} [${low.toFixed(3)}-${high.toFixed(3)}] on ${result.queries} queries`;
  return passed
    ? { ...base, outcome: 'pass', sentence: `${text} reaches ${gate.threshold}` }
    : { ...base, outcome: 'fail', sentence: `${text} stays below ${gate.threshold}` };
}

/** No significant loss against what serves now: fails only when the paired test finds a loss beyond the tolerance. */
export function judgeComparison(gate: GateOf<'comparison'>, evidence: Evidence): Judged {
  const { stableDigest } = evidence;
  if (stableDigest === undefined) {
    return withoutValue(
      'inconclusive',
      'evaluations',
      'no stable version to compare with: adopt the version that serves now',
    );
  }
  const found = newestResult(evidence.offline, (result) => isAgainst(result, evidence));
  if ('outcome' in found) return withoutBaseline(gate, evidence) ?? found;
  const { evaluation, result } = found;
  const { comparison } = result;
  if (comparison === undefined)
    return withoutValue(
      'inconclusive',
      evaluation.evaluationId,
      'the evaluation compared with nothing: run_evaluation again',
    );
  const { value, low, high } = comparison.difference;
  const base = {
    value,
    interval: { low, high },
    samples: comparison.queries,
    window: null,
    source: evaluation.evaluationId,
  };
  if (comparison.queries < gate.minSamples) {
    const sentence = `${comparison.queries} paired queries, ${gate.minSamples} needed: use a larger dataset`;
    return { ...base, outcome: 'inconclusive', sentence };
  }
  const { baselineVersion, shared } = comparison;
  const least = Math.ceil(gate.minSamples * SHARED_PART);
  if (shared !== undefined && shared.queries < least) {
    const sentence = `stable ${baselineVersion} cannot search the new documents, and has relevant documents for ${shared.queries} of the ${comparison.queries} queries, ${least} needed: keep more of what its dataset asks and grades in the new one, or say that nothing need be compared: conclave override ${evaluation.request?.model ?? ''} ${gate.name} --reason ...`;
    return { ...base, outcome: 'inconclusive', sentence };
  }
  const own =
    shared === undefined
      ? ''
      : `; stable cannot search the new documents, so each searched its own: over the ${shared.queries} queries for which stable has relevant documents ${describeDifference(shared)}`;
  const text = `difference to ${baselineVersion} ${describeDifference(comparison)}${own}`;
  const isLoss = isSignificantLoss(comparison, gate) || (shared !== undefined && isSignificantLoss(shared, gate));
  return isLoss
    ? { ...base, outcome: 'fail', sentence: `${text}: a significant loss (alpha ${gate.alpha})` }
    : { ...base, outcome: 'pass', sentence: `${text}: no significant loss (alpha ${gate.alpha})` };
}

/** Where stable was measured on its own documents, this part of `minSamples` must be queries that these answer. */
const SHARED_PART = 0.5;

type Difference = Pick<NonNullable<OfflineResult['comparison']>, 'difference' | 'lossPValue'>;

function describeDifference({ difference: { value, low, high }, lossPValue }: Difference): string {
  const sign = value >= 0 ? '+' : '';
  return `${sign}${value.toFixed(3)} [${low.toFixed(3)}-${high.toFixed(3)}], p(loss) = ${lossPValue.toFixed(4)}`;
}

function isSignificantLoss({ difference, lossPValue }: Difference, gate: GateOf<'comparison'>): boolean {
  return difference.value < gate.threshold && lossPValue < gate.alpha;
}

/** The comparison is with what serves now, on its own dataset only if it still serves that one. */
function isAgainst({ comparison }: OfflineResult, { stableDigest, stableDataset }: Evidence): boolean {
  const own = comparison?.baselineDataset;
  return comparison?.baselineDigest === stableDigest && (own === undefined || own === stableDataset);
}

/** The version was measured and stable could not be: that is no result, and says of whom it is. */
function withoutBaseline(gate: GateOf<'comparison'>, { offline, stableDigest }: Evidence): Judged | undefined {
  for (const { evaluationId, result, request, state } of offline) {
    if (state === 'running') return undefined;
    const failure = result?.kind === 'offline' ? result.baselineFailure : undefined;
    if (failure?.baselineDigest !== stableDigest || failure === undefined) continue;
    const model = request?.model ?? '';
    const what = failure.message.replace(/^CVE_\w+: /, '');
    const way = `mend what it names, or say that nothing need be compared: conclave override ${model} ${gate.name} --reason ...`;
    return withoutValue(
      'inconclusive',
      evaluationId,
      `stable ${failure.baselineVersion} could not be measured, so nothing is compared: ${what}; ${way}`,
    );
  }
  return undefined;
}

type Found = { evaluation: Evaluation; result: OfflineResult };

function newestResult(evaluations: readonly Evaluation[], fits: (result: OfflineResult) => boolean): Found | Judged {
  for (const evaluation of evaluations) {
    if (evaluation.result?.kind === 'offline' && fits(evaluation.result))
      return { evaluation, result: evaluation.result };
  }
  const newest = evaluations[0];
  if (newest?.state === 'running') {
    const { progress } = newest;
    const done =
      progress === undefined ? 'evaluation started' : `${progress.done} of ${progress.total} queries evaluated`;
    return withoutValue('running', newest.evaluationId, done, progress?.done ?? 0);
  }
  if (newest?.state === 'failed')
    return withoutValue(
      'error',
      newest.evaluationId,
      `the evaluation failed: ${newest.failure?.message ?? 'no reason given'}`,
    );
  return withoutValue('pending', 'evaluations', 'not evaluated yet on this digest and dataset: run_evaluation');
}

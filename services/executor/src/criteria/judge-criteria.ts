import type { CriterionVerdict } from '@conclave/contracts';
import type { ToolCall } from '@conclave/core';
import { type Facts, factsOf } from './called-facts.ts';
import { parseCriteria } from './parse-criteria.ts';
import type { Criterion, Operator, Predicate } from './predicate.ts';

/** Judges each criterion of a text on what the calls returned. Missing data never meets a criterion. */
export function judgeCriteria(text: string, calls: readonly ToolCall[]): CriterionVerdict[] {
  const facts = factsOf(calls);
  return parseCriteria(text).map((criterion) => judge(criterion, facts));
}

function judge({ text, predicate }: Criterion, facts: Facts): CriterionVerdict {
  if (predicate.kind === 'unreadable') {
    return { text, verdict: 'unjudged', detail: predicate.why };
  }
  // Stable serving everything may be so without a rollback, but then no call has shown it.
  if (predicate.kind === 'rolled_back' && facts.rolledBack === undefined) {
    return { text, verdict: 'unjudged', detail: 'nothing was rolled back in this action' };
  }
  const { isMet, detail } = examine(predicate, facts);
  return { text, verdict: isMet ? 'met' : 'unmet', detail };
}

interface Examined {
  readonly isMet: boolean;
  readonly detail: string;
}

function examine(predicate: Exclude<Predicate, { kind: 'unreadable' }>, facts: Facts): Examined {
  switch (predicate.kind) {
    case 'number': {
      const fact = facts.numbers[predicate.quantity];
      if (fact === undefined) return { isMet: false, detail: `no ${predicate.quantity} was measured` };
      const isMet = compare(fact.value, predicate.operator, predicate.threshold);
      const asked = `${predicate.operator} ${predicate.threshold}`;
      return { isMet, detail: `${predicate.quantity} is ${rounded(fact.value)} (${fact.source}); asked ${asked}` };
    }
    case 'range': {
      const fact = facts.numbers[predicate.quantity];
      if (fact === undefined) return { isMet: false, detail: `no ${predicate.quantity} was measured` };
      const { low, high } = predicate;
      const asked = `${rounded(low)} to ${rounded(high)}`;
      const detail = `${predicate.quantity} is ${rounded(fact.value)} (${fact.source}); asked ${asked}`;
      return { isMet: fact.value >= low && fact.value <= high, detail };
    }
    case 'evaluated':
      return told(facts.numbers['ndcg@10'] === undefined ? undefined : true, 'the evaluation');
    case 'stage':
      return {
        isMet: facts.stage === predicate.stage,
        detail: facts.stage === undefined ? 'no stage was entered' : `the stage is ${facts.stage}`,
      };
    case 'deployed':
      return {
        isMet: facts.stage !== undefined,
        detail: facts.stage === undefined ? 'nothing was deployed' : `deployed in ${facts.stage}`,
      };
    case 'no_errors':
      return noErrors(facts);
    case 'slos_measured':
      return slosMeasured(facts);
    case 'smoke_passed':
      return told(facts.smokePassed, 'the smoke test');
    case 'rollback_test_passed':
      return told(facts.rollbackTestPassed, 'the rollback test');
    case 'rolled_back':
      return told(facts.rolledBack, 'the rollback');
    case 'file_exists':
      return told(facts.fileExists, 'the file check');
    case 'script_succeeded':
      return told(facts.scriptSucceeded, 'the script');
  }
}

function told(fact: boolean | undefined, what: string): Examined {
  if (fact === undefined) return { isMet: false, detail: `${what} was not run` };
  return { isMet: fact, detail: `${what} ${fact ? 'succeeded' : 'did not succeed'}` };
}

function noErrors(facts: Facts): Examined {
  const counted = facts.numbers.errors;
  if (facts.failedCalls.length > 0) return { isMet: false, detail: `${facts.failedCalls.join(', ')} failed` };
  if (counted === undefined) return { isMet: true, detail: 'no call failed; errors of requests were not counted' };
  return { isMet: counted.value === 0, detail: `${counted.value} errors counted (${counted.source})` };
}

function slosMeasured(facts: Facts): Examined {
  const wanted = ['requests', 'latency_p95_ms', 'slo_compliance'] as const;
  const missing = wanted.filter((name) => facts.numbers[name] === undefined);
  if (missing.length > 0) return { isMet: false, detail: `not measured: ${missing.join(', ')}` };
  const shown = wanted.map((name) => `${name} ${rounded(facts.numbers[name]?.value ?? Number.NaN)}`);
  return { isMet: true, detail: shown.join(', ') };
}

function compare(value: number, operator: Operator, threshold: number): boolean {
  switch (operator) {
    case '>=':
      return value >= threshold;
    case '<=':
      return value <= threshold;
    case '>':
      return value > threshold;
    case '<':
      return value < threshold;
    case '==':
      return value === threshold;
  }
}

function rounded(value: number): number {
  return Number(value.toPrecision(4));
}

/**
 * Success criteria, as people write them, turned into predicates that code can judge. What cannot be read becomes
 * `unreadable` and is never counted as met.
 */

export type Operator = '>=' | '<=' | '>' | '<' | '==';

/** What a predicate can be about. Latencies in milliseconds, shares 0 to 1. */
export type Quantity =
  | 'ndcg@10'
  | 'latency_p50_ms'
  | 'latency_p95_ms'
  | 'latency_p99_ms'
  | 'slo_compliance'
  | 'errors'
  | 'requests'
  | 'measured_share';

export type Predicate =
  | { readonly kind: 'number'; readonly quantity: Quantity; readonly operator: Operator; readonly threshold: number }
  | { readonly kind: 'stage'; readonly stage: string }
  | { readonly kind: 'deployed' }
  | { readonly kind: 'no_errors' }
  | { readonly kind: 'smoke_passed' }
  | { readonly kind: 'rollback_test_passed' }
  | { readonly kind: 'rolled_back' }
  | { readonly kind: 'slos_measured' }
  | { readonly kind: 'file_exists' }
  | { readonly kind: 'script_succeeded' }
  | { readonly kind: 'unreadable' };

export interface Criterion {
  readonly text: string;
  readonly predicate: Predicate;
}

/** The criteria of a text: parts between commas, semicolons, line ends and, where that helps, `and`. */
export function parseCriteria(text: string): Criterion[] {
  return text
    .split(/[;\n]|,(?!\d)/)
    .map((part) => part.trim().replace(/[.!]+$/, ''))
    .filter((part) => part !== '')
    .flatMap(parsePart);
}

/** A part that makes no sense as a whole is divided at `and`; if that helps nowhere it stays one unreadable criterion. */
function parsePart(part: string): Criterion[] {
  const whole = parsePredicate(part);
  if (whole.kind !== 'unreadable') return [{ text: part, predicate: whole }];
  const pieces = part.split(/\s+(?:and|&)\s+/i).map((piece) => ({ text: piece, predicate: parsePredicate(piece) }));
  const isHelpful = pieces.some((piece) => piece.predicate.kind !== 'unreadable');
  return isHelpful ? pieces : [{ text: part, predicate: whole }];
}

function parsePredicate(text: string): Predicate {
  return parseComparison(text) ?? parseSentence(text) ?? { kind: 'unreadable' };
}

const COMPARISON =
  /^(?<name>[a-z][a-z0-9@_ .-]*?)\s*(?:is\s+)?(?<operator>>=|<=|==|=|>|<|≥|≤|at least|at most|below|under|above|over)\s*(?<value>\S.*)$/i;

const OPERATORS: Readonly<Record<string, Operator>> = {
  '>=': '>=',
  '≥': '>=',
  'at least': '>=',
  '<=': '<=',
  '≤': '<=',
  'at most': '<=',
  '>': '>',
  above: '>',
  over: '>',
  '<': '<',
  below: '<',
  under: '<',
  '==': '==',
  '=': '==',
};

function parseComparison(text: string): Predicate | undefined {
  const { name = '', operator = '', value = '' } = COMPARISON.exec(text)?.groups ?? {};
  const known = OPERATORS[operator.toLowerCase()];
  if (known === undefined) return undefined;
  const subject = name
    .trim()
    .toLowerCase()
    .replace(/[\s-]+/g, '_');
  if (known === '==') {
    const word = value.trim().toLowerCase();
    if (subject === 'stage') return { kind: 'stage', stage: word.replace(/[\s_]*(%|percent)$/, '_percent') };
    if (/^rollback_tests?$/.test(subject) && /^pass(ed)?$|^true$/.test(word)) return { kind: 'rollback_test_passed' };
    if (/^smoke_tests?$/.test(subject) && /^pass(ed)?$|^true$/.test(word)) return { kind: 'smoke_passed' };
  }
  const quantity = quantityOf(subject);
  const threshold = quantity === undefined ? undefined : numberOf(value.trim(), quantity);
  if (quantity === undefined || threshold === undefined) return undefined;
  return { kind: 'number', quantity, operator: known, threshold };
}

const QUANTITIES: readonly (readonly [RegExp, Quantity])[] = [
  [/^ndcg(@10|_at_10)?$/, 'ndcg@10'],
  [/^(latency_)?p50(_latency)?(_ms)?$/, 'latency_p50_ms'],
  [/^(latency_)?p99(_latency)?(_ms)?$/, 'latency_p99_ms'],
  [/^(p95_)?latency(_p95)?(_ms)?$|^p95(_ms)?$/, 'latency_p95_ms'],
  [/^slos?(_compliance)?$/, 'slo_compliance'],
  [/^errors?(_count)?$/, 'errors'],
  [/^requests?(_count)?$/, 'requests'],
  [/^(measured_|traffic_)?share$/, 'measured_share'],
];

function quantityOf(subject: string): Quantity | undefined {
  return QUANTITIES.find(([pattern]) => pattern.test(subject))?.[1];
}

/** A number in the quantity's own unit; undefined when the unit does not fit. */
function numberOf(text: string, quantity: Quantity): number | undefined {
  const { digits, unit = '' } =
    /^(?<digits>-?\d+(?:\.\d+)?)\s*(?<unit>%|percent|ms|milliseconds?|s|seconds?)?$/i.exec(text)?.groups ?? {};
  if (digits === undefined) return undefined;
  const number = Number(digits);
  const isLatency = quantity.startsWith('latency');
  const isShare = quantity === 'slo_compliance' || quantity === 'measured_share' || quantity === 'ndcg@10';
  if (unit === '') return number;
  if (unit === '%' || /^percent$/i.test(unit)) return isShare ? number / 100 : undefined;
  if (!isLatency) return undefined;
  return /^m/i.test(unit) ? number : number * 1000;
}

const SENTENCES: readonly (readonly [RegExp, Predicate])[] = [
  [/^(no|zero|without|0) errors?( (reported|logged|occurred|found))?$/, { kind: 'no_errors' }],
  [/^(all )?smoke[- ]?tests? (pass(es|ed)?|succeed(s|ed)?|(is|are) green|ok)$/, { kind: 'smoke_passed' }],
  [/^(all )?roll-?back[- ]?tests? (pass(es|ed)?|succeed(s|ed)?|ok)$/, { kind: 'rollback_test_passed' }],
  [/^((the )?(model|version|candidate) )?(is )?(successfully )?deployed( successfully)?$/, { kind: 'deployed' }],
  [/^deployment (succeeds|succeeded|successful|complete[sd]?)$/, { kind: 'deployed' }],
  [/^((the )?(model|version|candidate) )?(is )?rolled back$|^stable (serves|is serving)$/, { kind: 'rolled_back' }],
  [
    /^(all )?(slos?|metrics)( are)? (measured|collected|logged|recorded)( and (measured|collected|logged|recorded))?$/,
    { kind: 'slos_measured' },
  ],
  [/^(the )?file (exists|is present|found)$/, { kind: 'file_exists' }],
  [
    /^(the )?script (succeeds|succeeded|completes|completed|exits (with )?0)$|^exit code (is )?0$/,
    { kind: 'script_succeeded' },
  ],
];

function parseSentence(text: string): Predicate | undefined {
  const words = text.toLowerCase().replace(/\s+/g, ' ');
  const stage =
    /^(?:stage (?:is )?|deployed (?:to|in) |(?:model|version) (?:is )?(?:deployed )?(?:to|in) )(shadow|production|(?:5|20|50)(?:%| percent|_percent))$/.exec(
      words,
    );
  if (stage?.[1] !== undefined) return { kind: 'stage', stage: stage[1].replace(/%| percent/, '_percent') };
  return SENTENCES.find(([pattern]) => pattern.test(words))?.[1];
}

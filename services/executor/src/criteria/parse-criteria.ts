import type { Criterion, Operator, Predicate } from './predicate.ts';
import { numberOf, quantityOf, subjectOf } from './quantity.ts';
import { parseSentence } from './sentences.ts';

/**
 * Success criteria, as people write them, turned into predicates that code can judge. What cannot be read becomes
 * `unreadable` and is never counted as met.
 */

const MOST_CRITERIA = 50;

/** The criteria of a text: parts between commas, semicolons, line ends and, where that helps, `and`. */
export function parseCriteria(text: string): Criterion[] {
  const all = text
    .split(/[;\n]|,(?!\d)/)
    .map((part) => part.trim().replace(/[.!]+$/, ''))
    .filter((part) => part !== '')
    .flatMap(parsePart);
  if (all.length <= MOST_CRITERIA) return all;
  const why = `at most ${MOST_CRITERIA} criteria of an action are judged`;
  const rest: Criterion = { text: `and ${all.length - MOST_CRITERIA} more`, predicate: { kind: 'unreadable', why } };
  return [...all.slice(0, MOST_CRITERIA), rest];
}

/**
 * A part that makes no sense as a whole is divided at `and`, at `over at least` and at brackets; if that helps nowhere it stays one
 * unreadable criterion.
 */
function parsePart(part: string): Criterion[] {
  const whole = parsePredicate(part);
  if (whole.kind !== 'unreadable') return [{ text: part, predicate: whole }];
  const pieces = part
    .split(/\s+(?:and|&)\s+|\s+(?:over|with|on)\s+(?=at least\b|>=|≥)|\s*[()]\s*/i)
    .filter((piece) => piece !== '')
    .map((piece) => ({ text: piece, predicate: parsePredicate(piece) }));
  const isHelpful = pieces.some((piece) => piece.predicate.kind !== 'unreadable');
  return isHelpful ? pieces : [{ text: part, predicate: whole }];
}

function parsePredicate(text: string): Predicate {
  return parseRange(text) ?? parseComparison(text) ?? parseSentence(text) ?? { kind: 'unreadable', why: whyNot(text) };
}

function whyNot(text: string): string {
  if (/\bincidents?\b/i.test(text)) return 'no tool of an action looks at incidents; the gate p0_incidents does';
  const { name, value } = COMPARISON.exec(text)?.groups ?? {};
  if (name === undefined || value === undefined) return 'this is no comparison or statement that can be judged by code';
  if (quantityOf(subjectOf(name)) === undefined) return `nothing measures "${name.trim()}"`;
  return `"${value.trim()}" is no number in the unit of ${name.trim()}`;
}

const RANGE =
  /^(?<name>[a-z][a-z0-9@_. -]*?)\s*(?:is\s+)?(?:between\s+(?<low>\S+)\s+and\s+(?<high>\S+)|(?:is\s+|==?\s*)(?<middle>\S+)\s*(?:±|\+\/-)\s*(?<spread>\S+))$/i;

function parseRange(text: string): Predicate | undefined {
  const { name, low, high, middle, spread } = RANGE.exec(text)?.groups ?? {};
  const quantity = name === undefined ? undefined : quantityOf(subjectOf(name));
  if (quantity === undefined) return undefined;
  const [one, other] = [numberOf(low ?? middle ?? '', quantity), numberOf(high ?? spread ?? '', quantity)];
  if (one === undefined || other === undefined) return undefined;
  return {
    kind: 'range',
    quantity,
    ...(low === undefined ? { low: one - other, high: one + other } : { low: one, high: other }),
  };
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
  const subject = subjectOf(name);
  if (known === '==') {
    const word = value.trim().toLowerCase();
    if (subject === 'stage') return { kind: 'stage', stage: word.replace(/[\s_]*(%|percent)$/, '_percent') };
    if (/^rollback_tests?$/.test(subject) && /^pass(ed)?$|^true$/.test(word)) return { kind: 'rollback_test_passed' };
    if (subject === 'outcome' && word === 'rolled_back') return { kind: 'rolled_back' };
    if (/^exit_?code$/.test(subject) && word === '0') return { kind: 'script_succeeded' };
    if (/^smoke_tests?$/.test(subject) && /^pass(ed)?$|^true$/.test(word)) return { kind: 'smoke_passed' };
  }
  const quantity = quantityOf(subject);
  const threshold = quantity === undefined ? undefined : numberOf(value.trim(), quantity);
  if (quantity === undefined || threshold === undefined) return undefined;
  return { kind: 'number', quantity, operator: known, threshold };
}

import { counted, oneLine } from '@conclave/core';
import type { Check, CheckState } from '../doctor/check.ts';
import type { Examination } from '../doctor/examine.ts';
import { bold, dim, style } from './text.ts';

const MARKS: Readonly<Record<CheckState, { mark: string; colour: 'green' | 'yellow' | 'red' }>> = {
  ok: { mark: '✓', colour: 'green' },
  warning: { mark: '!', colour: 'yellow' },
  problem: { mark: '✗', colour: 'red' },
};
const NARROWEST = 60;
const WIDEST = 140;

export function countOf(checks: readonly Check[], state: CheckState): number {
  return checks.filter((check) => check.state === state).length;
}

/** One table: state, check, detail, and below it what to do. @param columns width of the terminal */
export function doctorText({ configFile, because, checks }: Examination, columns: number): string {
  const width = Math.min(WIDEST, Math.max(NARROWEST, columns));
  const nameWidth = Math.max(...checks.map(({ name }) => name.length));
  const groups = [...Map.groupBy(checks, ({ group }) => group)];
  return [
    [bold('Configuration'), ...wrapped(`${configFile} (${because})`, width - 2).map((line) => `  ${line}`)].join('\n'),
    ...groups.map(([group, rows]) =>
      [
        bold(group),
        ...rows.flatMap((check, index) => rowLines(withoutRepeated(check, rows.slice(0, index)), nameWidth, width)),
      ].join('\n'),
    ),
    verdict(checks),
  ].join('\n\n');
}

function rowLines({ name, state, detail, todo }: Check, nameWidth: number, width: number): string[] {
  const { mark, colour } = MARKS[state];
  const indent = nameWidth + 6;
  const [first = '', ...more] = wrapped(oneLine(detail), width - indent);
  const paint = (text: string): string => (state === 'ok' ? text : style(colour, text));
  const todos = todo === '' ? [] : wrapped(oneLine(todo), width - indent - 2);
  return [
    `  ${style(colour, mark)} ${name.padEnd(nameWidth)}  ${paint(first)}`,
    ...more.map((line) => `${' '.repeat(indent)}${paint(line)}`),
    ...todos.map((line, index) => {
      const arrowed = `${index === 0 ? '→' : ' '} ${line}`;
      return `${' '.repeat(indent)}${state === 'ok' ? dim(arrowed) : bold(arrowed)}`;
    }),
  ];
}

/** What is to be done for many rows alike is said once. */
function withoutRepeated(check: Check, before: readonly Check[]): Check {
  return before.some(({ todo }) => todo === check.todo) ? { ...check, todo: '' } : check;
}

function verdict(checks: readonly Check[]): string {
  const problems = countOf(checks, 'problem');
  const warnings = countOf(checks, 'warning');
  if (problems > 0) {
    const also = warnings === 0 ? '' : ` and ${counted(warnings, 'warning')}`;
    return style('red', `${counted(problems, 'problem')}${also}; the arrows say what to do`);
  }
  if (warnings > 0) return style('yellow', `no problem, ${counted(warnings, 'warning')}`);
  return style('green', 'all is well');
}

/** The text in lines of at most `width`, broken at blanks; a longer word stands alone. */
function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}

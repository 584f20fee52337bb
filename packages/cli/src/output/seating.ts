import { describeSeating, oneLine, type Seating, seatingLines, seatingView } from '@conclave/core';
import { bold, style } from './text.ts';

/** Who is absent and why, loud, as the first thing to read; nothing while all sit in their own chairs. */
export function seatingAlarm(seating: Seating): string[] {
  const description = describeSeating(seating);
  if (description.level === 'good') return [];
  const colour = description.level === 'bad' ? 'red' : 'yellow';
  const [headline = '', ...more] = seatingLines(description);
  return [
    [bold(style(colour, `! ${oneLine(headline)}`)), ...more.map((line) => style(colour, `    ${oneLine(line)}`))].join(
      '\n',
    ),
  ];
}

/** `all 12 agents present, all rules (no LLM)` or `7 of 12 present`, for a row of `status`. */
export function agentsText(seating: Seating): string {
  const { level, headline, present, chairs } = seatingView(seating);
  if (level === 'good') return headline;
  return style(level === 'bad' ? 'red' : 'yellow', chairs === 0 ? 'none report' : `${present} of ${chairs} present`);
}

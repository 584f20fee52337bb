import { stripVTControlCharacters, styleText } from 'node:util';
import type { Level } from '@conclave/core';

type Format = Parameters<typeof styleText>[0];

/** Styled on a terminal, plain elsewhere: `styleText` heeds NO_COLOR, FORCE_COLOR and whether the stream is a terminal. */
export function style(format: Format, text: string): string {
  return styleText(format, text, { stream: process.stdout });
}

export const bold = (text: string): string => style('bold', text);
export const dim = (text: string): string => style('dim', text);

const LEVELS: Readonly<Record<Level, Format>> = {
  detail: 'dim',
  info: 'reset',
  good: 'green',
  warn: 'yellow',
  bad: 'red',
};

export function byLevel(level: Level, text: string): string {
  return level === 'info' ? text : style(LEVELS[level], text);
}

/** Rows as columns with two blanks between them; the last column is not padded. */
export function columns(rows: readonly (readonly string[])[], indent = ''): string {
  const widths: number[] = [];
  for (const row of rows) for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, shownWidth(cell));
  return rows
    .map(
      (row) =>
        indent +
        row
          .map((cell, i) => (i === row.length - 1 ? cell : cell + ' '.repeat((widths[i] ?? 0) - shownWidth(cell))))
          .join('  '),
    )
    .map((line) => line.trimEnd())
    .join('\n');
}

function shownWidth(cell: string): number {
  return stripVTControlCharacters(cell).length;
}

export function bytesText(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

/** `2026-11-22 09:11 UTC` */
export function when(iso: string): string {
  return `${iso.slice(0, 16).replace('T', ' ')} UTC`;
}

import { ConclaveError } from '@conclave/contracts';
import type { Command } from 'commander';

/** Which part of a list is wanted, as given on the command line. */
export interface PageOptions {
  readonly limit: string;
  readonly since?: string;
  readonly before?: string;
}

export interface Page {
  readonly limit: number;
  /** Milliseconds since 1970. */
  readonly sinceMs: number;
  readonly beforeMs: number;
}

const UNIT_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const MAX_LIMIT = 10_000;

export function addPageOptions(command: Command): Command {
  return command
    .option('--limit <count>', 'how many at most, the newest', '20')
    .option('--since <time>', 'not older: 2026-11-22, 2026-11-22T09:11:00Z, or 30m, 6h, 7d ago')
    .option('--before <time>', 'older than this, in the same form: the time of the last one shown pages back');
}

/** @throws CVE_REQUEST_INVALID naming the option */
export function readPage({ limit, since, before }: PageOptions, now = Date.now()): Page {
  return {
    limit: wholeNumber('--limit', limit, MAX_LIMIT),
    sinceMs: since === undefined ? Number.NEGATIVE_INFINITY : timeOf('--since', since, now),
    beforeMs: before === undefined ? Number.POSITIVE_INFINITY : timeOf('--before', before, now),
  };
}

/** The newest entries of the wanted time, newest first, and how many older ones were left out. */
export function pageOf<T>(
  entries: readonly T[],
  at: (entry: T) => string,
  { limit, sinceMs, beforeMs }: Page,
): { shown: T[]; older: number } {
  const wanted = entries
    .map((entry) => ({ entry, ms: Date.parse(at(entry)) }))
    .filter(({ ms }) => ms >= sinceMs && ms < beforeMs)
    .sort((a, b) => b.ms - a.ms);
  return { shown: wanted.slice(0, limit).map(({ entry }) => entry), older: Math.max(0, wanted.length - limit) };
}

/** @throws CVE_REQUEST_INVALID naming the option */
export function wholeNumber(option: string, value: string, most: number): number {
  const number = Number(value);
  if (Number.isInteger(number) && number >= 1 && number <= most) return number;
  throw new ConclaveError('CVE_REQUEST_INVALID', `${option} is "${value}"; give a whole number from 1 to ${most}`);
}

function timeOf(option: string, value: string, now: number): number {
  const [, digits = '', unit = ''] = /^(\d+(?:\.\d+)?)([smhd])$/.exec(value) ?? [];
  const unitMs = Object.entries(UNIT_MS).find(([name]) => name === unit)?.[1];
  if (unitMs !== undefined) return now - Number(digits) * unitMs;
  const ms = /^\d{4}-\d{2}-\d{2}/.test(value) ? Date.parse(value) : Number.NaN;
  if (!Number.isNaN(ms)) return ms;
  throw new ConclaveError(
    'CVE_REQUEST_INVALID',
    `${option} is "${value}"; give a time such as 2026-11-22 or 2026-11-22T09:11:00Z, or how long ago, such as 6h`,
  );
}

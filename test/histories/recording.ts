import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AGGREGATE_KINDS, type Commit, commitBody } from '@conclave/contracts';
import { z } from 'zod';

/** One commit as it stands in a line of a recording. */
const recorded = commitBody.extend({
  aggregate: z.object({ kind: z.enum(AGGREGATE_KINDS), id: z.string() }),
  seq: z.number(),
  storedAt: z.string(),
});

/** Names of the recordings in this folder, without their ending. */
export function recordings(): string[] {
  const files = readdirSync(import.meta.dirname).filter((name) => name.endsWith('.jsonl'));
  return files.map((name) => name.replace(/\.jsonl$/, '')).sort();
}

export function readRecording(name: string): Commit[] {
  const lines = readFileSync(join(import.meta.dirname, `${name}.jsonl`), 'utf8')
    .trim()
    .split('\n');
  return lines.map((line) => {
    const { fence, ...commit } = recorded.parse(JSON.parse(line));
    return { ...commit, fence };
  });
}

/** A recording as it is stored. */
export function linesOf(commits: readonly Commit[]): string {
  return commits.map((commit) => `${JSON.stringify(commit)}\n`).join('');
}

/** What stands beside a recording: where it ends, as far as that must never change (`endOf`). */
export function readEnd(name: string): unknown {
  return JSON.parse(readFileSync(join(import.meta.dirname, `${name}.end.json`), 'utf8'));
}

import type { Commit } from '@conclave/contracts';
import { type Description, describeCommit, type Level } from '@conclave/core';

/** A commit as people read it: what `/api/events` sends and `/api/history` lists. */
export interface ReadableCommit {
  readonly seq: number;
  readonly at: string;
  /** Kind of the aggregate: `rollouts`, `meetings`, ... */
  readonly kind: string;
  /** Model, meeting, action or incident; empty for the schedule. */
  readonly about: string;
  readonly by: string;
  /** The gravest level of its lines. */
  readonly level: Level;
  /** All lines in one. */
  readonly text: string;
  readonly lines: readonly Pick<Description, 'kind' | 'level' | 'icon' | 'text'>[];
}

const GRAVITY: readonly Level[] = ['detail', 'info', 'good', 'warn', 'bad'];

export function readable(commit: Commit): ReadableCommit {
  const lines = describeCommit(commit);
  const gravest = lines.reduce<Level>(
    (level, line) => (GRAVITY.indexOf(line.level) > GRAVITY.indexOf(level) ? line.level : level),
    'detail',
  );
  return {
    seq: commit.seq,
    at: lines[0]?.at ?? commit.storedAt,
    kind: commit.aggregate.kind,
    about: commit.aggregate.id,
    by: commit.by,
    level: gravest,
    text: lines.map((line) => line.text).join('; '),
    lines: lines.map(({ kind, level, icon, text }) => ({ kind, level, ...(icon === undefined ? {} : { icon }), text })),
  };
}

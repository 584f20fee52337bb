import type { Commit } from '@conclave/contracts';
import { longJournal } from './long-journal.ts';

/** The first commits of the long journal. */
export function* firstCommits(count: number): Generator<Commit> {
  for (const commit of longJournal()) {
    if (commit.seq > count) return;
    yield commit;
  }
}

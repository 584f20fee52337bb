import type { Aggregate } from '@conclave/contracts';
import { aggregateKey, allUnread, sayUnread, type UnreadCommit, unreadOf } from '../folds/unread-commits.ts';

interface Read {
  readonly unread: Readonly<Record<string, UnreadCommit>>;
}

/**
 * One sentence for each aggregate of which a reader could not read something, oldest first.
 * @param reader who has read the world, and is therefore to be upgraded: `this command`, `this coordinator`
 */
export function describeUnread(world: Read, reader: string): string[] {
  return allUnread(world).map(({ key, ...commit }) => sentence(key, commit, reader));
}

/** The same of one aggregate; none when everything could be read. */
export function describeUnreadOf(world: Read, aggregate: Aggregate, reader: string): string[] {
  const commit = unreadOf(world, aggregate);
  return commit === undefined ? [] : [sentence(aggregateKey(aggregate), commit, reader)];
}

function sentence(key: string, commit: UnreadCommit, reader: string): string {
  return `${sayUnread(key, commit)}: upgrade ${reader}; services of its version decide nothing on that`;
}

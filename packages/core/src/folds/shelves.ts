import { entryOf } from '@conclave/contracts';

/*
 * What the world keeps of things that there are ever more of. Each kind stands on a shelf:
 * 1. What something open rests on is never dropped.
 * 2. Of the rest the oldest go, those first to which nothing more will happen, until `limit` are left; what never ends goes beyond
 *    twice as many. Old is what has had no commit for the longest, not what has the first key: an object puts ids that look like
 *    numbers before all others.
 * 3. A shelf is looked through once in a fifth as many commits as it holds entries, so that a commit costs the same at any length of
 *    the journal. In between it holds up to a quarter more.
 */

/** How full a shelf is. Part of the world, so that a snapshot drops what the whole journal would drop. */
export interface Shelf {
  readonly size: number;
  /** Commits since it was last looked through. */
  readonly touched: number;
}

export interface Keeping<T> {
  /** Entries for people beside what something open rests on. */
  readonly limit: number;
  /** Whether nothing more will happen to it. */
  isOver(entry: T): boolean;
  /** The ids among all entries on which something rests that is still open. */
  needed(all: ReadonlyMap<string, T>): ReadonlySet<string>;
}

export const EMPTY_SHELF: Shelf = { size: 0, touched: 0 };

/** Puts an entry on its shelf, in place, and drops what is not kept. */
export function shelve<T extends { readonly seq: number }>(
  entries: Record<string, T>,
  shelf: Shelf,
  id: string,
  entry: T,
  keeping: Keeping<T>,
): Shelf {
  const size = Object.hasOwn(entries, id) ? shelf.size : shelf.size + 1;
  const touched = shelf.touched + 1;
  setEntry(entries, id, entry);
  if (size <= keeping.limit || 5 * touched < size) return { size, touched };
  return { size: size - dropOldest(entries, keeping), touched: 0 };
}

/** Takes an entry off its shelf, in place. */
export function unshelve<T>(entries: Record<string, T>, shelf: Shelf, id: string): Shelf {
  if (!Object.hasOwn(entries, id)) return shelf;
  delete entries[id];
  return { ...shelf, size: shelf.size - 1 };
}

/** Sets a record's entry under any name. */
export function setEntry<T>(record: Record<string, T>, name: string, value: T): void {
  // Assigned, `__proto__` would be no entry.
  if (name === '__proto__')
    Object.defineProperty(record, name, { value, enumerable: true, configurable: true, writable: true });
  else record[name] = value;
}

/** A record without its oldest entries beyond `limit`; those that are needed stay. Looked at only a quarter above it. */
export function newestEntries<T>(
  record: Readonly<Record<string, T>>,
  limit: number,
  age: (entry: T) => number,
  isNeeded: (entry: T) => boolean,
): Readonly<Record<string, T>> {
  const names = Object.keys(record);
  if (4 * names.length <= 5 * limit) return record;
  const byAge = names
    .flatMap((name) => {
      const entry = entryOf(record, name);
      return entry === undefined || isNeeded(entry) ? [] : [{ name, age: age(entry) }];
    })
    .sort((a, b) => a.age - b.age);
  const dropped = new Set(byAge.slice(0, names.length - limit).map(({ name }) => name));
  return Object.fromEntries(Object.entries(record).filter(([name]) => !dropped.has(name)));
}

function dropOldest<T extends { readonly seq: number }>(
  entries: Record<string, T>,
  { limit, isOver, needed }: Keeping<T>,
): number {
  const all = new Map(Object.entries(entries));
  const kept = needed(all);
  const free = [...all].filter(([id]) => !kept.has(id)).sort(([, a], [, b]) => a.seq - b.seq);
  const over = free.filter(([, entry]) => isOver(entry)).slice(0, all.size - limit);
  const excess = Math.max(0, all.size - over.length - 2 * limit);
  const endless = free.filter(([, entry]) => !isOver(entry)).slice(0, excess);
  for (const [id] of [...over, ...endless]) delete entries[id];
  return over.length + endless.length;
}

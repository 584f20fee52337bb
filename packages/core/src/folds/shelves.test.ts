import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EMPTY_SHELF, type Keeping, newestEntries, type Shelf, shelve, unshelve } from './shelves.ts';

interface Entry {
  readonly seq: number;
  readonly over: boolean;
}

/** A shelf that counts what it looks at. */
function shelfOf(limit: number, needed: ReadonlySet<string> = new Set()) {
  const entries: Record<string, Entry> = {};
  let shelf: Shelf = EMPTY_SHELF;
  let seq = 0;
  let looks = 0;
  const keeping: Keeping<Entry> = {
    limit,
    isOver({ over }) {
      looks++;
      return over;
    },
    needed: () => needed,
  };
  return {
    entries,
    put(id: string, over = true): void {
      shelf = shelve(entries, shelf, id, { seq: ++seq, over }, keeping);
    },
    take(id: string): void {
      shelf = unshelve(entries, shelf, id);
    },
    ids: () => Object.keys(entries),
    looks: () => looks,
    size: () => shelf.size,
  };
}

test('a shelf holds its limit and at most a quarter more, the newest', () => {
  const shelf = shelfOf(100);
  for (let n = 0; n < 5000; n++) {
    shelf.put(`e${n}`);
    assert.ok(shelf.size() <= 125 && shelf.size() === shelf.ids().length, `${shelf.size()} of ${shelf.ids().length}`);
    if (n >= 99) assert.notEqual(shelf.entries[`e${n - 99}`], undefined, `after ${n}`);
  }
});

test('what is touched again is new again, whatever number its name looks like', () => {
  const shelf = shelfOf(100);
  for (let n = 0; n < 100; n++) shelf.put(`${n}`);
  shelf.put('50');
  for (let n = 1000; n < 1099; n++) shelf.put(`${n}`);
  shelf.put('last');
  assert.ok(shelf.ids().includes('50'));
  assert.ok(!shelf.ids().includes('0') && !shelf.ids().includes('51'));
});

test('what is over goes before what is not, and what never ends beyond twice as many', () => {
  const shelf = shelfOf(100);
  for (let n = 0; n < 80; n++) shelf.put(`open${n}`, false);
  for (let n = 0; n < 500; n++) shelf.put(`over${n}`);
  for (let n = 0; n < 80; n++) assert.ok(shelf.ids().includes(`open${n}`), `open${n}`);
  for (let n = 80; n < 1000; n++) shelf.put(`open${n}`, false);
  assert.ok(shelf.size() >= 200 && shelf.size() <= 250, `${shelf.size()}`);
  assert.ok(!shelf.ids().includes('open0') && !shelf.ids().some((id) => id.startsWith('over')));
  assert.ok(shelf.ids().includes('open999'));
});

test('what is not over makes way for nothing, as long as there is no more of it than twice the limit', () => {
  const shelf = shelfOf(100);
  for (let n = 0; n < 190; n++) shelf.put(`open${n}`, false);
  for (let n = 0; n < 500; n++) shelf.put(`over${n}`);
  for (let n = 0; n < 190; n++) assert.ok(shelf.ids().includes(`open${n}`), `open${n}`);
});

test('what is needed is not dropped, however much of it there is, and takes the place of nothing for people', () => {
  const ids = Array.from({ length: 1000 }, (_, n) => `needed${n}`);
  const shelf = shelfOf(100, new Set(ids));
  for (const id of ids) shelf.put(id, Number(id.slice(6)) % 2 === 0);
  for (let n = 0; n < 1000; n++) shelf.put(`e${n}`);
  for (const id of ids) assert.ok(shelf.ids().includes(id), id);
  assert.ok(shelf.size() <= 1250 + 100, `${shelf.size()}`);
});

test('what is taken off makes room', () => {
  const shelf = shelfOf(4);
  for (const id of ['a', 'b', 'c', 'd']) shelf.put(id);
  shelf.take('a');
  shelf.take('a');
  assert.equal(shelf.size(), 3);
  shelf.put('e');
  assert.deepEqual(shelf.ids(), ['b', 'c', 'd', 'e']);
});

test('an entry may have any name', () => {
  const shelf = shelfOf(10);
  for (const id of ['__proto__', 'constructor', 'toString']) shelf.put(id);
  assert.equal(shelf.size(), 3);
  assert.deepEqual(shelf.ids(), ['__proto__', 'constructor', 'toString']);
  shelf.take('__proto__');
  assert.deepEqual(shelf.ids(), ['constructor', 'toString']);
});

test('a commit looks at as many entries after 50,000 commits as after 1,000, and at few', () => {
  const shelf = shelfOf(400);
  const looksPerPut = (from: number, to: number): number => {
    const before = shelf.looks();
    // As actions do: five commits each.
    for (let n = from; n < to; n++) shelf.put(`e${Math.floor(n / 5)}`, n % 5 === 4);
    return (shelf.looks() - before) / (to - from);
  };
  looksPerPut(0, 5000);
  const early = looksPerPut(5000, 10_000);
  looksPerPut(10_000, 50_000);
  const late = looksPerPut(50_000, 55_000);
  assert.ok(late <= early * 1.1, `${early} and then ${late}`);
  assert.ok(late < 15, `${late} entries are looked at for each commit`);
});

test('of a record the newest stay, and what is needed', () => {
  const record = Object.fromEntries(Array.from({ length: 126 }, (_, n) => [`e${n}`, n]));
  const kept = newestEntries(
    record,
    100,
    (age) => age,
    (age) => age === 3,
  );
  const names = Object.keys(kept);
  assert.equal(names.length, 100);
  assert.ok(names.includes('e3') && names.includes('e125') && !names.includes('e0'));
  const { e125: _one, ...fewer } = record;
  assert.equal(
    newestEntries(
      fewer,
      100,
      (age) => age,
      () => false,
    ),
    fewer,
  );
});

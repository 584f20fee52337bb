import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { forgetOldMarkers } from './old-markers.ts';

test('markers of long ago go, and never so that a started script passes for one that was not', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'conclave-markers-'));
  try {
    const now = new Date('2026-06-01T00:00:00Z');
    const old = new Date('2026-01-01T00:00:00Z');
    const markers: readonly (readonly [string, Date])[] = [
      ['a.announced', old],
      ['a.started', old],
      ['b.announced', now],
      ['b.started', old],
      ['c.announced', old],
      ['c.started', now],
      ['d.announced', now],
    ];
    for (const [name, at] of markers) {
      await writeFile(join(dir, name), '');
      await utimes(join(dir, name), at, at);
    }
    await forgetOldMarkers(dir, now);
    assert.deepEqual((await readdir(dir)).sort(), ['b.announced', 'b.started', 'c.started', 'd.announced']);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});

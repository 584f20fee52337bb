import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RunnerStatus } from '@conclave/contracts';
import { runnerPresence } from './runner-presence.ts';

const NOW = new Date('2026-11-22T09:00:00Z');
const digest = `sha256:${'a'.repeat(64)}`;

function heard(
  runner: string,
  change: { silentMs?: number; upSeconds?: number; state?: 'ready' | 'loading' | 'failed' } = {},
) {
  const { silentMs = 200, upSeconds = 3600, state = 'ready' } = change;
  const version = { version: '1.0', digest, state, detail: '', share: 1, mode: 'live' } as const;
  const status: RunnerStatus = {
    runner,
    roles: ['serve', 'evaluate'],
    at: NOW.toISOString(),
    startedAt: new Date(NOW.getTime() - upSeconds * 1000).toISOString(),
    url: '',
    models: [{ model: 'm', rolloutSeq: 1, confirmed: true, versions: [version] }],
  };
  return { status, silentMs };
}

const said = (one: ReturnType<typeof heard>) => {
  const [presence] = runnerPresence([one], [], NOW);
  return `${presence?.state}: ${presence?.runner} ${presence?.detail}`;
};

test('a runner that reports itself is up', () => {
  assert.equal(said(heard('r-0')), 'up: r-0 (serve, evaluate)');
});

test('a runner that fell silent is away, and for how long', () => {
  assert.equal(said(heard('r-1', { silentMs: 6000 })), 'away: r-1 is away: not heard for 6 s');
});

test('a runner that came back is said to load, then to be up for a while', () => {
  assert.equal(
    said(heard('r-1', { upSeconds: 4, state: 'loading' })),
    'starting: r-1 is starting: loads m 1.0, up for 4 s',
  );
  assert.equal(said(heard('r-1', { upSeconds: 20 })), 'up: r-1 (serve, evaluate, up for 20 s)');
});

test('a candidate that loads on a runner that has long been up is no news of the runner', () => {
  assert.equal(said(heard('r-0', { state: 'loading' })), 'up: r-0 (serve, evaluate)');
});

test('a version that a runner cannot serve is named', () => {
  assert.equal(said(heard('r-0', { state: 'failed' })), 'failing: r-0 (serve, evaluate; m 1.0 failed)');
});

test('a runner that should be there and reports nothing is away, each once, by name', () => {
  const all = runnerPresence([heard('r-1')], ['r-2', 'r-0', 'r-1', 'r-0'], NOW);
  assert.deepEqual(
    all.map(({ runner, state }) => `${runner} ${state}`),
    ['r-0 away', 'r-1 up', 'r-2 away'],
  );
});

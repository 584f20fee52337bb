import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aggregates } from '@conclave/contracts';
import { Registry } from 'prom-client';
import { JournalMirror } from '../journal/mirror.ts';
import { stackName } from '../observed.ts';
import { Runners } from '../runners.ts';
import { Seats } from '../seats.ts';
import { WindowStore } from '../telemetry/window-store.ts';
import { foldHere } from '../testing/fold-here.ts';
import { realisticHistory } from '../testing/history.ts';
import { realisticSeating } from '../testing/seats.ts';
import { realisticRunner, realisticWindows } from '../testing/telemetry.ts';
import { registerMetrics } from './metrics.ts';

const NOW = new Date('2026-03-01T12:00:00.000Z');

async function scrape(): Promise<{ text(): Promise<string>; runners: Runners; followed: ReturnType<typeof foldHere> }> {
  const followed = foldHere();
  const mirror = new JournalMirror(followed);
  for (const commit of realisticHistory(NOW).commits) followed.apply(commit);
  const telemetry = new WindowStore(15 * 60_000, new Date(NOW.getTime() - 5 * 60_000));
  // Stored twice each, as by a runner that tried again.
  for (const window of realisticWindows(NOW, 12)) for (const stored of [window, window]) telemetry.add(stored);
  const runners = new Runners();
  runners.set([realisticRunner(NOW)]);
  const registry = new Registry();
  const seats = new Seats();
  seats.set(realisticSeating(NOW, ['critic']));
  registerMetrics(registry, {
    mirror,
    telemetry,
    runners,
    seats,
    heartbeatIntervalSeconds: 300,
    stack: stackName({}),
    now: () => NOW,
  });
  return { text: () => registry.metrics(), runners, followed };
}

const EXPECTED = [
  'conclave_rollout_stage{model="emoji-search",version="1.1",stage="20_percent"} 1',
  'conclave_rollout_stage_epoch{model="emoji-search",version="1.1"} 5',
  'conclave_gate_value{model="emoji-search",version="1.1",gate="ndcg@10"} 0.741',
  'conclave_gate_threshold{model="emoji-search",version="1.1",gate="latency_p95_ms"} 50',
  'conclave_gate_outcome{model="emoji-search",version="1.1",gate="ndcg@10",outcome="pass"} 1',
  'conclave_gate_outcome{model="emoji-search",version="1.1",gate="rollback_test",outcome="pending"} 1',
  'conclave_traffic_share_asked{model="emoji-search",version="1.1"} 0.2',
  'conclave_meetings_total{outcome="decided"} 3',
  'conclave_meetings_total{outcome="skipped"} 1',
  'conclave_ballots_total{role="data_analyst",vote="no_go"} 1',
  'conclave_actions_total{outcome="blocked",tool="check_file"} 2',
  'conclave_backlog_actions{priority="medium",state="dispatched"} 1',
  'conclave_incidents_open{severity="P1"} 1',
  'conclave_incidents_open{severity="P0"} 0',
  'conclave_leader_epoch 1',
  'conclave_runner_up{runner="gpu-runner-0"} 1',
  'conclave_agents{team="planning",state="absent"} 1',
  'conclave_agents{team="executive",state="present"} 6',
];

test('a folded history gives the series that the dashboards read', async () => {
  const lines = new Set((await (await scrape()).text()).split('\n'));
  for (const line of EXPECTED) assert.ok(lines.has(line), `missing: ${line}`);
});

test('the measured share counts what was answered since the stage serves', async () => {
  const text = await (await scrape()).text();
  const measured = Number(/conclave_traffic_share_measured\{[^}]*\} (.*)/.exec(text)?.[1]);
  assert.ok(Math.abs(measured - 0.2) < 0.01, `measured ${measured}`);
});

test('requests that the process before this one has counted are not counted again', async () => {
  const text = await (await scrape()).text();
  const counted = [...text.matchAll(/^conclave_requests_total\{.*\} (.*)$/gm)].map((match) => Number(match[1]));
  const since = new Date(NOW.getTime() - 5 * 60_000).toISOString();
  const expected = realisticWindows(NOW, 12).filter((window) => window.to >= since);
  assert.equal(
    counted.reduce((sum, count) => sum + count, 0),
    expected.reduce((sum, window) => sum + window.requests, 0),
  );
});

test('a gate without a value has no sample rather than a zero', async () => {
  assert.doesNotMatch(await (await scrape()).text(), /conclave_gate_value\{[^}]*gate="rollback_test"/);
});

test('scraping twice gives the same counters', async () => {
  const { text } = await scrape();
  assert.equal(await text(), await text());
});

test('a runner that went away is reported as down', async () => {
  const { text, runners } = await scrape();
  runners.set([]);
  assert.match(await text(), /conclave_runner_up\{runner="gpu-runner-0"\} 0/);
});

test('what cannot be read is counted by kind, and everything else goes on', async () => {
  const { text, followed } = await scrape();
  assert.match(await text(), /conclave_journal_unread\{kind="rollouts"\} 0/);
  const seq = followed.world.seq + 1;
  const at = NOW.toISOString();
  followed.apply({
    ...{ aggregate: aggregates.rollouts('emoji-search'), seq, storedAt: at, by: 'later', fence: undefined },
    events: [{ id: 'f', type: 'rollout.teleported', at, data: {} }],
  });
  const now = await text();
  assert.match(now, /conclave_journal_unread\{kind="rollouts"\} 1/);
  assert.match(now, /conclave_journal_unread\{kind="schedule"\} 0/);
  assert.match(now, new RegExp(`conclave_journal_sequence ${seq}`));
});

test('a commit that was applied before counts no second time', async () => {
  const { text, followed } = await scrape();
  const before = await text();
  for (const commit of realisticHistory(NOW).commits) followed.apply(commit);
  assert.equal(await text(), before);
});

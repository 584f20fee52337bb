import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openJournal, openSnapshots } from '@conclave/bus';
import { startTestBus, until } from '@conclave/bus/testing';
import { historyIn, writeTo } from '@conclave/histories';
import { startReplica } from './replica.ts';
import { fill, WEEK_SECONDS } from './stage.ts';
import { watchLeader } from './watch-leader.ts';

/*
 * How long it takes until somebody leads again and judges on the whole stage: `pnpm bench:takeover [windows]`. A week in one stage, with
 * the windows of ten runners, lies in a NATS server that syncs each write, signed; coordinators are processes of their own, and the leader is
 * killed (SIGKILL). Not measured: anything over a network, and runners that publish meanwhile.
 */

const LEASE_MS = 5000;
const ALLOWED_MS = LEASE_MS + 1000;
const MODEL = 'emoji-search';

const windows = Number(process.argv[2] ?? 120_000);
await using test = await startTestBus({ topology: { leaseTtlMs: LEASE_MS } });
const dir = await mkdtemp(join(tmpdir(), 'conclave-takeover-'));
const start = new Date(Date.now() - WEEK_SECONDS * 1000 - 60_000);
await writeTo(openJournal(test.bus, { by: 'bench' }), historyIn('5_percent', { start, model: MODEL }));

const filledFrom = performance.now();
const requests = await fill(test.bus, MODEL, windows);
say(`${windows} windows of ten runners with ${requests} requests of the candidate`, performance.now() - filledFrom);

const leader = watchLeader(test.bus, MODEL, requests);
const keys = await test.signingFiles(join(dir, 'keys'), 'coordinator');
const begin = (name: string) => startReplica(name, { dir, natsUrl: test.nats.url, leaseMs: LEASE_MS, keys });
try {
  let from = performance.now();
  const first = await begin('coordinator-0');
  say('cold start without a snapshot: leads and judges on all of them', (await leader.judging(from)) - from);

  const second = await begin('coordinator-1');
  await second.ready();
  await until(async () => await openSnapshots(test.bus).load('evidence'), 'a snapshot of the evidence', 120_000);

  from = performance.now();
  await first.kill();
  const confirmedAt = await leader.confirming(from);
  const judgedAt = await leader.judging(from);
  say('the leader is killed: the runners hear another', confirmedAt - from);
  say('                      the other judges on all of them', judgedAt - from);
  const tookOverIn = judgedAt - from;

  // A leader that is asked to stop gives the lease back: what is measured is the start.
  await second.stop();
  from = performance.now();
  const third = await begin('coordinator-2');
  say('cold start with a snapshot: leads and judges on all of them', (await leader.judging(from)) - from);
  await third.stop();

  console.log(
    `a takeover within the lease (${LEASE_MS} ms) plus a second: ${tookOverIn <= ALLOWED_MS ? 'yes' : 'NO'}, ${Math.round(tookOverIn)} ms`,
  );
  if (tookOverIn > ALLOWED_MS) process.exitCode = 1;
} finally {
  leader.stop();
  await rm(dir, { recursive: true, force: true });
}

function say(what: string, ms: number): void {
  console.log(`${what.padEnd(72)} ${Math.round(ms).toString().padStart(7)} ms`);
}

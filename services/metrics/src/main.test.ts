import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { openJournal } from '@conclave/bus';
import { startTestBus, type TestBus, until } from '@conclave/bus/testing';
import { aggregates } from '@conclave/contracts';
import { startMetrics } from './testing/metrics-process.ts';

const SKIPS = 4000;

suite('metrics before a long journal', () => {
  let server: TestBus;
  let lastSeq: number;

  before(async () => {
    server = await startTestBus({ users: true });
    const journal = openJournal(server.bus, { by: 'test' });
    const at = new Date().toISOString();
    const append = (slot: number) => {
      const skipped = { id: `skip-${slot}`, type: 'schedule.meeting_skipped', at, data: { slot, reason: 'quiet' } };
      return journal.append(aggregates.schedule, 'any', [skipped]);
    };
    for (let slot = 0; slot < SKIPS; slot += 200)
      await Promise.all(Array.from({ length: 200 }, (_, index) => append(slot + index)));
    lastSeq = await journal.lastSeq();
  });
  after(() => server[Symbol.asyncDispose]());

  test('its first answer knows everything that was on record', async () => {
    await using metrics = await startMetrics(server);
    const world = await until(async () => {
      const answer = await fetch(`${metrics.url}/api/world`).catch(() => undefined);
      return answer?.ok === true ? answer : undefined;
    }, 'the first answer');
    assert.ok(Object(await world.json()).seq >= lastSeq);
    const counters = await (await fetch(`${metrics.url}/metrics`)).text();
    assert.match(counters, new RegExp(`conclave_meetings_total\\{outcome="skipped".*\\} ${SKIPS}\\n`));
  });

  test('it can be stopped while it still reads', async () => {
    await using metrics = await startMetrics(server);
    const readiness = () => fetch(`${metrics.url}/readyz`).then((answer) => answer.text(), String);
    // It reads for half a second; should this process stand still for just as long, there is nothing to see any more.
    await until(async () => /catching up|"started"/.test(await readiness()), 'it reads');
    assert.equal(await metrics.stop(), 0);
  });
});

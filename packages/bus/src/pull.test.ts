import assert from 'node:assert/strict';
import { it } from 'node:test';
import { aggregates, STREAMS, subjects } from '@conclave/contracts';
import { createReader } from './consumers.ts';
import { openJournal } from './journal.ts';
import { nativeOf } from './native.ts';
import { startPull } from './pull.ts';
import { standStill, startTestBus, until } from './testing/index.ts';
import { testEvent } from './testing/test-event.ts';

const HEARTBEAT_MS = 500;

it('a process that stood still does not take the server for silent', async () => {
  await using test = await startTestBus();
  const native = nativeOf(test.bus);
  const { name: consumer } = await createReader(native, STREAMS.journal, [subjects.journalAll], { seq: 1 });
  const seen: string[] = [];
  let heartbeats = 0;
  const pull = startPull(native, {
    stream: STREAMS.journal,
    consumer,
    batch: 2,
    expiresMs: 60_000,
    heartbeatMs: HEARTBEAT_MS,
    onMessage: ({ subject }) => void seen.push(subject),
    onActivity: () => undefined,
    onIdle: () => {
      if (heartbeats++ === 0) standStill(6 * HEARTBEAT_MS);
    },
  });
  pull.ended.catch((error: unknown) => seen.push(String(error)));
  await until(() => heartbeats > 1, 'it is heard again');
  await openJournal(test.bus, { by: 'test' }).append(aggregates.schedule, 'any', [testEvent('first')]);
  await until(() => seen.length > 0, 'the commit');
  await pull.cancel();
  assert.deepEqual(seen, [subjects.journal(aggregates.schedule)]);
});

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { emptySketch, type TelemetryWindow } from '@conclave/contracts';
import { fakeClock } from '@conclave/service';
import { WindowPublisher } from './window-publisher.ts';

const window = (n: number): TelemetryWindow => ({
  ...{ kind: 'window', runner: 'r-0', series: 's-0', model: 'm', version: '1.0', digest: `sha256:${'0'.repeat(64)}` },
  ...{ mode: 'live', from: new Date(n).toISOString(), to: new Date(n + 1).toISOString(), requests: n, errors: 0 },
  ...{ withinSlo: n, latencyThresholdMs: 50, latency: emptySketch() },
});

it('sends a window again under the same id before any later one', async () => {
  const clock = fakeClock();
  const sent: { requests: number; msgId: string }[] = [];
  const failures: string[] = [];
  const all = Promise.withResolvers<void>();
  let fails = 2;
  const publisher = new WindowPublisher(
    async ({ requests }, msgId) => {
      sent.push({ requests, msgId });
      if (requests === 3) all.resolve();
      if (fails-- > 0) throw new Error('nobody confirmed it');
    },
    (reason) => {
      failures.push(reason);
      // The pause that follows.
      queueMicrotask(() => clock.advance(60_000));
    },
    clock,
  );
  publisher.add([window(1), window(2)]);
  publisher.add([window(3)]);
  await all.promise;
  await publisher.stop();
  assert.deepEqual(
    sent.map(({ requests }) => requests),
    [1, 1, 1, 2, 3],
  );
  assert.equal(failures.length, 2);
  assert.equal(new Set(sent.slice(0, 3).map(({ msgId }) => msgId)).size, 1);
  assert.equal(new Set(sent.map(({ msgId }) => msgId)).size, 3);
});

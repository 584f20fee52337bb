import assert from 'node:assert/strict';
import { it } from 'node:test';
import { BUCKETS } from '@conclave/contracts';
import { kvStream, kvSubject } from './kv.ts';
import { openMembership } from './membership.ts';
import { type Native, nativeOf } from './native.ts';
import { eachMessage, followStream } from './reader.ts';
import { startTestBus, until } from './testing/index.ts';
import { ensureTopology } from './topology.ts';

/** A connection whose first pull reaches the server only after `before` is done. */
function delayed(native: Native, before: () => Promise<unknown>): Native {
  let isFirst = true;
  const nc = new Proxy(native.nc, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      if (name !== 'publish') return value.bind(target);
      return (subject: string, ...rest: unknown[]) => {
        const send = () => Reflect.apply(value, target, [subject, ...rest]);
        if (!isFirst || !subject.includes('CONSUMER.MSG.NEXT')) return send();
        isFirst = false;
        void before().then(send);
      };
    },
  });
  return { ...native, nc };
}

it('has caught up though what was pending expired before it came', async () => {
  await using test = await startTestBus();
  const native = nativeOf(test.bus);
  const stream = kvStream(BUCKETS.runners);
  await openMembership(test.bus).put('gpu-0', 1);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const reader = followStream(
    delayed(native, () => native.jsm.streams.purge(stream)),
    {
      stream,
      filters: [kvSubject(BUCKETS.runners, '>')],
      start: 'last-per-subject',
      onMessages: () => reject(new Error('nothing is there to be delivered')),
      onCaughtUp: resolve,
      onError: reject,
    },
  );
  const tooLong = setTimeout(() => reject(new Error('it never caught up')), 20_000);
  await promise.finally(() => clearTimeout(tooLong));
  await reader.stop();
  assert.equal(reader.caughtUp, true);
});

it('goes on with the last values of a bucket that begins again', async () => {
  await using test = await startTestBus();
  const native = nativeOf(test.bus);
  const stream = kvStream(BUCKETS.runners);
  const members = openMembership(test.bus);
  for (let beat = 0; beat < 3; beat++) await members.put('gpu-0', beat);
  const seen: unknown[] = [];
  const reader = followStream(native, {
    stream,
    filters: [kvSubject(BUCKETS.runners, '>')],
    start: 'last-per-subject',
    onMessages: eachMessage(({ data }) => void seen.push(JSON.parse(Buffer.from(data).toString()))),
    onError: (error) => void seen.push(error),
  });
  await until(() => reader.caughtUp, 'caught up');
  await native.jsm.streams.delete(stream);
  await ensureTopology(test.bus, { replicas: 1 });
  await members.put('gpu-0', 'again');
  await until(() => seen.length > 1, 'the value in the new one');
  await reader.stop();
  assert.deepEqual(seen, [2, 'again']);
});

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { BUCKETS } from '@conclave/contracts';
import { kvStream, kvSubject } from './kv.ts';
import { openMembership } from './membership.ts';
import { type Native, nativeOf } from './native.ts';
import { followStream } from './reader.ts';
import { startTestBus } from './testing/index.ts';

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
      onMessage: () => reject(new Error('nothing is there to be delivered')),
      onCaughtUp: resolve,
      onError: reject,
    },
  );
  const tooLong = setTimeout(() => reject(new Error('it never caught up')), 20_000);
  await promise.finally(() => clearTimeout(tooLong));
  await reader.stop();
  assert.equal(reader.caughtUp, true);
});

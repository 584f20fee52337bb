import { STREAMS } from '@conclave/contracts';
import { nativeOf } from './native.ts';
import type { Bus } from './ports/connection.ts';
import type { WorkQueue } from './ports/work.ts';
import { refuseTooLarge, storeOrFail } from './publish.ts';
import { startConsumer } from './work-consumer.ts';

const PUBLISH_DEADLINE_MS = 30_000;

export function openWorkQueue(bus: Bus): WorkQueue {
  const native = nativeOf(bus);
  return {
    async publish(subject, body, options) {
      const bytes = new TextEncoder().encode(JSON.stringify(body));
      refuseTooLarge(subject, bytes.length);
      return await storeOrFail(native, subject, bytes, { ...options, deadlineMs: PUBLISH_DEADLINE_MS });
    },
    consume: (options) =>
      startConsumer(bus, native, options.stream === 'inbox' ? STREAMS.inbox : STREAMS.work, options),
  };
}

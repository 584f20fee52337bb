import { Queue, Worker } from 'bullmq';
import type { Measure } from '../figures.ts';
import { BULK_ACTIONS, BULKS_IN_FLIGHT, Ends, handOffInBulk, packageVersion } from './handoffs.ts';
import { measureRounds } from './rounds.ts';
import { startRedis } from './servers.ts';

const CONCURRENCY = 100;

/** A job per action: waiting, active and completed are its three durable states. */
export const measure: Measure = async (counts) => {
  const redis = await startRedis();
  const connection = { host: '127.0.0.1', port: redis.port, maxRetriesPerRequest: null };
  const queue = new Queue('actions', { connection });
  const worker = new Worker('actions', async () => undefined, { connection, concurrency: CONCURRENCY });
  const ends = new Ends();
  // Told after Redis has answered that the job is completed.
  worker.on('completed', () => ends.add(1));
  await worker.waitUntilReady();
  try {
    const figures = await measureRounds(counts, async (actions) => {
      const completed = ends.next(actions);
      await handOffInBulk(actions, (size) =>
        queue.addBulk(Array.from({ length: size }, (_, index) => ({ name: 'action', data: { index } }))),
      );
      await completed;
    });
    const note =
      `${packageVersion('bullmq')} on ${redis.version}, appendonly, appendfsync always; a job per action: waiting, active, completed; ` +
      `${BULK_ACTIONS} actions an addBulk, ${BULKS_IN_FLIGHT} of them in flight, one worker of concurrency ${CONCURRENCY}`;
    return { name: 'BullMQ', ...figures, note };
  } finally {
    await worker.close(true);
    await queue.close();
    await redis.stop();
  }
};

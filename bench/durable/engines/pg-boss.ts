import pg from 'pg';
import { PgBoss } from 'pg-boss';
import type { Measure } from '../figures.ts';
import { BULK_ACTIONS, BULKS_IN_FLIGHT, Ends, handOffInBulk, packageVersion, untilCounted } from './handoffs.ts';
import { measureRounds } from './rounds.ts';
import { startPostgres } from './servers.ts';

const BATCH = 100;
const WORKERS = 4;
const POOL = 20;

/** A job per action: created, active and completed are its three durable states. */
export const measure: Measure = async (counts) => {
  const postgres = await startPostgres();
  const connectionString = `postgresql://bench@127.0.0.1:${postgres.port}/postgres`;
  const boss = new PgBoss({ connectionString, max: POOL, useListenNotify: true });
  boss.on('error', (error) => console.error(error));
  await boss.start();
  const ends = new Ends();
  const handler = async (jobs: readonly unknown[]): Promise<void> => ends.add(jobs.length);
  const options = {
    batchSize: BATCH,
    localConcurrency: WORKERS,
    pollingIntervalSeconds: 0.5,
    burstWhenBatchFull: true,
  };
  // A notification wakes the workers at once, but makes the inserts commit one after the other: each way where it is the faster one.
  await boss.createQueue('alone', { notify: true });
  await boss.work('alone', options, handler);
  await boss.createQueue('many', { notify: false });
  await boss.work('many', options, handler);
  const tables = new pg.Client({ connectionString });
  await tables.connect();
  let before = 0;
  try {
    const figures = await measureRounds(counts, async (actions) => {
      const handled = ends.next(actions);
      await handOffInBulk(actions, (size) =>
        boss.insert(
          actions === 1 ? 'alone' : 'many',
          Array.from({ length: size }, (_, index) => ({ data: { index } })),
        ),
      );
      await handled;
      before += actions;
      await untilCounted(before, async () => {
        const { rows } = await tables.query(
          "SELECT count(*) FROM pgboss.job WHERE name IN ('alone', 'many') AND state = 'completed'",
        );
        return Number(rows[0]?.count);
      });
    });
    const note =
      `${packageVersion('pg-boss')} on ${postgres.version}, fsync and synchronous_commit on; a job per action: created, active, completed; ` +
      `${BULK_ACTIONS} actions an insert, ${BULKS_IN_FLIGHT} of them in flight, ${WORKERS} workers that fetch and complete up to ${BATCH} jobs in one statement each, pool ${POOL}; ` +
      'polled every 0.5 s and again at once after a full batch; woken by LISTEN/NOTIFY for the action alone';
    return { name: 'pg-boss', ...figures, note };
  } finally {
    await tables.end();
    await boss.stop({ graceful: false });
    await postgres.stop();
  }
};

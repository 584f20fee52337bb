import pg from 'pg';
import { PgBoss } from 'pg-boss';
import type { Measure } from '../figures.ts';
import { Ends, HANDOFFS_IN_FLIGHT, handOffAll, packageVersion, untilCounted } from './handoffs.ts';
import { measureRounds } from './rounds.ts';
import { startPostgres } from './servers.ts';

const BATCH = Number(process.env.BATCH ?? 100);
const WORKERS = Number(process.env.WORKERS ?? 2);
const POOL = Number(process.env.POOL ?? 20);

/** A job per action: created, active and completed are its three durable states. */
export const measure: Measure = async (counts) => {
  const postgres = await startPostgres();
  const connectionString = `postgresql://bench@127.0.0.1:${postgres.port}/postgres`;
  const boss = new PgBoss({ connectionString, max: POOL, useListenNotify: true });
  boss.on('error', (error) => console.error(error));
  await boss.start();
  await boss.createQueue('actions', { notify: true });
  const ends = new Ends();
  const options = {
    batchSize: BATCH,
    localConcurrency: WORKERS,
    pollingIntervalSeconds: 0.5,
    burstWhenBatchFull: true,
  };
  await boss.work('actions', options, async (jobs) => {
    ends.add(jobs.length);
  });
  const tables = new pg.Client({ connectionString });
  await tables.connect();
  let before = 0;
  try {
    const figures = await measureRounds(counts, async (actions) => {
      const handled = ends.next(actions);
      await handOffAll(actions, (index) => boss.send('actions', { index }));
      await handled;
      before += actions;
      await untilCounted(before, async () => {
        const { rows } = await tables.query(
          "SELECT count(*) FROM pgboss.job WHERE name = 'actions' AND state = 'completed'",
        );
        return Number(rows[0]?.count);
      });
    });
    const note =
      `${packageVersion('pg-boss')} on ${postgres.version}, fsync and synchronous_commit on; a job per action: created, active, completed; ` +
      `${HANDOFFS_IN_FLIGHT} sends in flight, ${WORKERS} workers that fetch and complete ${BATCH} jobs in one statement each, ` +
      `woken by LISTEN/NOTIFY, burstWhenBatchFull, pool ${POOL}`;
    return { name: 'pg-boss', ...figures, note };
  } finally {
    await tables.end();
    await boss.stop({ graceful: false });
    await postgres.stop();
  }
};

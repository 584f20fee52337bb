import { DBOS } from '@dbos-inc/dbos-sdk';
import pg from 'pg';
import type { Figures } from '../figures.ts';
import { Ends, HANDOFFS_IN_FLIGHT, handOffAll, packageVersion, untilCounted } from './handoffs.ts';
import { measureRounds } from './rounds.ts';
import { startPostgres } from './servers.ts';

const POOL = 40;
const WORKER_CONCURRENCY = 100;
const POLL_MS = 10;

/** Workflows from a queue, each with these steps, handed off one by one and waited for in its tables. */
export async function measureDbos(counts: readonly number[], name: string, steps: readonly string[]): Promise<Figures> {
  const postgres = await startPostgres();
  const url = `postgresql://bench@127.0.0.1:${postgres.port}/dbos`;
  const ends = new Ends();
  const work = DBOS.registerWorkflow(
    async () => {
      for (const step of steps) await DBOS.runStep(async () => step, { name: step });
      ends.add(1);
    },
    { name: 'work' },
  );
  DBOS.setConfig({ name: 'bench', systemDatabaseUrl: url, systemDatabasePoolSize: POOL, logLevel: 'error' });
  await DBOS.launch();
  await DBOS.registerQueue('actions', { workerConcurrency: WORKER_CONCURRENCY, minPollingIntervalMs: POLL_MS });
  const tables = new pg.Client({ connectionString: url });
  await tables.connect();
  let before = 0;
  try {
    const figures = await measureRounds(counts, async (actions) => {
      const bodies = ends.next(actions);
      await handOffAll(actions, () => DBOS.startWorkflow(work, { queueName: 'actions' })());
      await bodies;
      before += actions;
      await untilCounted(before, async () => {
        const { rows } = await tables.query("SELECT count(*) FROM dbos.workflow_status WHERE status = 'SUCCESS'");
        return Number(rows[0]?.count);
      });
    });
    const note =
      `${packageVersion('@dbos-inc/dbos-sdk')} on ${postgres.version}, fsync and synchronous_commit on; a workflow per action from a queue, ` +
      `${steps.length === 0 ? 'no steps: its own three writes are enqueued, pending, success' : `${steps.length} steps in it besides its own three writes`}; ` +
      `handed off one by one (it has no call for many), ${HANDOFFS_IN_FLIGHT} in flight, workerConcurrency ${WORKER_CONCURRENCY}, pool ${POOL}, the queue polled every ${POLL_MS} ms (default 1000)`;
    return { name, ...figures, note };
  } finally {
    await tables.end();
    await DBOS.shutdown();
    await postgres.stop();
  }
}

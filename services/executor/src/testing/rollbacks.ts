import { serveApi } from '@conclave/bus';
import { API, aggregates, type RollbackAnswer, subjects } from '@conclave/contracts';
import type { Bench } from './bench.ts';

/** A stand-in for the coordinator's `rollback`, which ends the open rollout once, as that does. */
export interface Rollbacks extends AsyncDisposable {
  /** Who asked, each time. */
  readonly asked: string[];
  /** Who ended a rollout. */
  readonly ended: string[];
}

export async function standInRollbacks(bench: Bench): Promise<Rollbacks> {
  const asked: string[] = [];
  const ended: string[] = [];
  const api = serveApi(bench.bus, { name: 'conclave-abort', version: '0.1.0', description: 'stand-in' });
  api.endpoint('rollback', subjects.api('rollback'), async ({ body }): Promise<RollbackAnswer> => {
    const { model, reason, requestedBy, rolloutId = '' } = API.rollback.request.parse(body);
    asked.push(requestedBy);
    const answer = { rolloutId, serving: '1.0' };
    if (ended.length > 0) return { outcome: 'nothing_to_roll_back', ...answer };
    const data = { rolloutId, by: requestedBy, reason };
    const at = new Date().toISOString();
    const id = `rollout.aborted:${rolloutId}`;
    ended.push(requestedBy);
    await bench.journal.append(aggregates.rollouts(model), 'any', [{ id, type: 'rollout.aborted', at, data }]);
    return { outcome: 'rolled_back', ...answer };
  });
  await api.ready();
  return { asked, ended, [Symbol.asyncDispose]: () => api.stop() };
}

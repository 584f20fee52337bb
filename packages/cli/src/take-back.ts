import { type Bus, openJournal } from '@conclave/bus';
import {
  aggregates,
  foldRollouts,
  initialRollouts,
  parseCommit,
  type RollbackAnswer,
  type RolloutsState,
  rollbackAnswer,
} from '@conclave/contracts';
import { callApi } from './api.ts';

/**
 * Asks for an abort or a revert of what stands now: the request names the newest rollout on record, so that a coordinator that
 * stands still and reads it later ends no later one. Where the record cannot be read the request goes out without the name.
 */
export async function takeBack(
  bus: Bus,
  verb: 'abort' | 'revert',
  request: { readonly model: string; readonly reason: string },
  token: string | undefined,
): Promise<RollbackAnswer> {
  const rolloutId = await newestRollout(bus, request.model).catch(() => undefined);
  return rollbackAnswer.parse(await callApi(bus, verb, { ...request, rolloutId }, token));
}

async function newestRollout(bus: Bus, model: string): Promise<string | undefined> {
  const commits = await openJournal(bus, { by: 'conclave-cli' }).read(aggregates.rollouts(model));
  const state = commits.reduce<RolloutsState>(
    (folded, commit) => foldRollouts(folded, parseCommit('rollouts', commit)),
    initialRollouts(model),
  );
  return state.current?.rolloutId;
}

import { type Bus, openJournal } from '@conclave/bus';
import { type RollbackAnswer, rollbackAnswer } from '@conclave/contracts';
import { callApi } from './api.ts';
import { readRollouts } from './read-world.ts';

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
  return (await readRollouts(openJournal(bus, { by: 'conclave-cli' }), model)).current?.rolloutId;
}

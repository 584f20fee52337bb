import { ConclaveError, entryOf, knownNames } from '@conclave/contracts';
import type { RolloutsState } from './folds/rollout.ts';
import type { World } from './folds/world.ts';

/** Models about which something is on record: a hold alone, as left by a mistyped pause of an older version, makes none. */
export function knownModels(world: World): RolloutsState[] {
  return Object.values(world.rollouts)
    .filter(({ stable, current }) => stable !== undefined || current !== undefined)
    .sort((a, b) => (a.model < b.model ? -1 : 1));
}

/** What is on record about a model. @throws CVE_ROLLOUT_UNKNOWN naming the models that exist, and the one probably meant */
export function requireRollouts(world: World, model: string): RolloutsState {
  const known = knownModels(world);
  const state = entryOf(world.rollouts, model);
  if (state !== undefined && known.includes(state)) return state;
  const forgotten = entryOf(world.forgotten, model)?.forgotten;
  if (forgotten !== undefined)
    throw new ConclaveError(
      'CVE_ROLLOUT_UNKNOWN',
      `${model} was forgotten at ${forgotten.at} by ${forgotten.by}: ${forgotten.reason}; read conclave history ${model}, or use the name again: conclave adopt ${model} <version> --dataset <name>`,
    );
  throw rolloutUnknown(
    model,
    known.map((k) => k.model),
  );
}

export function rolloutUnknown(model: string, known: readonly string[]): ConclaveError {
  const others =
    knownNames(model, known) ?? 'no model was adopted yet: conclave adopt <model> <version> --dataset <name>';
  return new ConclaveError('CVE_ROLLOUT_UNKNOWN', `nothing is on record about "${model}"; ${others}`);
}

import { ConclaveError, type ModelEvent } from '@conclave/contracts';
import { datasetKey, type World } from '@conclave/core';
import type { Facts } from '../facts.ts';

type DataOf<T extends ModelEvent['type']> = Extract<ModelEvent, { type: T }>['data'];

/**
 * Registers a version of a model; nothing when it is registered with this very bundle.
 * @throws CVE_MODEL_DIGEST_CONFLICT when it is registered with another
 */
export function decideRegisterModel(world: World, data: DataOf<'model.registered'>, facts: Facts): ModelEvent[] {
  const { model, version, digest } = data;
  const known = world.registry[model]?.versions[version];
  if (known === undefined) return [stamped('model.registered', data, facts)];
  if (known.digest === digest) return [];
  throw new ConclaveError(
    'CVE_MODEL_DIGEST_CONFLICT',
    `${model} ${version} is registered as ${known.digest} since ${known.at}, this bundle is ${digest}; a version never changes: push it as another version`,
  );
}

/** Registers what a dataset's name stands for from now on; nothing when that is what it stands for. */
export function decideRegisterDataset(world: World, data: DataOf<'dataset.registered'>, facts: Facts): ModelEvent[] {
  const current = world.registry[datasetKey(data.name)]?.datasets.at(-1);
  return current?.digest === data.digest ? [] : [stamped('dataset.registered', data, facts)];
}

function stamped<T extends ModelEvent['type']>(
  type: T,
  data: DataOf<T>,
  { now, newId }: Facts,
): Extract<ModelEvent, { type: T }> {
  return { id: newId(), type, at: now.toISOString(), data } as Extract<ModelEvent, { type: T }>;
}

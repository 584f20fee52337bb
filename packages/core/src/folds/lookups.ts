import type { Incident, RegisteredDataset, RegisteredModel } from './registry.ts';
import { initialRollouts, type RolloutsState } from './rollout.ts';
import type { World } from './world.ts';

/** A model's rollouts, whether they are looked at, forgotten or not begun. */
export function rolloutsOf(world: World, model: string): RolloutsState {
  return world.rollouts[model] ?? world.forgotten[model] ?? initialRollouts(model);
}

/** Registry key of a dataset: models and datasets may share a name. */
export function datasetKey(name: string): string {
  return `dataset:${name}`;
}

export function registeredModel(world: World, model: string, version: string): RegisteredModel | undefined {
  return world.registry[model]?.versions[version];
}

/** The registered dataset of a name (its newest registration) or of a digest. */
export function registeredDataset(world: World, nameOrDigest: string): RegisteredDataset | undefined {
  if (!nameOrDigest.startsWith('sha256:')) return world.registry[datasetKey(nameOrDigest)]?.datasets.at(-1);
  return Object.values(world.registry)
    .flatMap((entry) => entry.datasets)
    .find((d) => d.digest === nameOrDigest);
}

/** Open P0 incidents that concern a model: its own and those that name none. */
export function openP0Incidents(world: World, model: string): Incident[] {
  return Object.values(world.incidents).filter(
    (i) => i.severity === 'P0' && i.resolved === undefined && (i.model === undefined || i.model === model),
  );
}

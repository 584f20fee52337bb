import { ConclaveError, knownNames } from '@conclave/contracts';
import { knownModels, registeredDataset, registeredModel, type World } from '@conclave/core';

/** Every model that is registered or on record: what an incident may name. */
export function modelNames(world: World): string[] {
  return [...new Set([...registeredNames(world), ...knownModels(world).map(({ model }) => model)])];
}

function registeredNames(world: World): string[] {
  return [
    ...new Set(Object.values(world.registry).flatMap((entry) => Object.values(entry.versions).map((v) => v.model))),
  ];
}

/** @throws CVE_MODEL_UNKNOWN naming what is registered */
export function requireModel(world: World, model: string, version: string) {
  const found = registeredModel(world, model, version);
  if (found !== undefined) return found;
  const versions = Object.keys(world.registry[model]?.versions ?? {});
  if (versions.length === 0) {
    throw new ConclaveError(
      'CVE_MODEL_UNKNOWN',
      `${model} ${version} is not registered, nor is any version of "${model}" (${knownNames(model, registeredNames(world)) ?? 'no model is'}); push it: conclave model push <folder>`,
    );
  }
  throw new ConclaveError(
    'CVE_MODEL_UNKNOWN',
    `${model} ${version} is not registered (${knownNames(version, versions)}); push it: conclave model push <folder>`,
  );
}

/** @throws CVE_DATASET_UNKNOWN naming what is registered */
export function requireDataset(world: World, nameOrDigest: string) {
  const found = registeredDataset(world, nameOrDigest);
  if (found !== undefined) return found;
  const known = Object.values(world.registry).flatMap((entry) => entry.datasets.map((d) => d.name));
  throw new ConclaveError(
    'CVE_DATASET_UNKNOWN',
    `dataset ${nameOrDigest} is not registered (${knownNames(nameOrDigest, [...new Set(known)]) ?? 'known: none'}); push it: conclave dataset push <folder>`,
  );
}

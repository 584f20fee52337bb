import { entryOf, shortDigest } from '@conclave/contracts';
import { openRollout, type RegisteredDataset, type RegisteredModel, type World } from '@conclave/core';
import type { Command } from 'commander';
import { bold, bytesText, columns, dim, when } from '../output/text.ts';
import { readWorld } from '../read-world.ts';
import { unknownId } from '../record/unknown-id.ts';
import type { WithSession } from '../session.ts';

/** A version, and what it does now. */
interface Version extends RegisteredModel {
  /** `stable`, `candidate`, `previous` or, of one that does nothing now, `registered`. */
  readonly use: string;
}

/** `models list` and `models show`. */
export function addModels(model: Command, withSession: WithSession): void {
  model
    .command('list')
    .description('every registered model, with what serves and what is rolled out')
    .action(async () => {
      await withSession(async ({ bus, answer }) => {
        const world = await readWorld(bus);
        const models = modelNames(world).map((name) => ({ model: name, versions: versionsOf(world, name) }));
        const rows = models.map(({ model: name, versions }) => [bold(name), versions.map(versionText).join(', ')]);
        answer({ models }, rows.length === 0 ? 'no model yet; push one: conclave model push <folder>' : columns(rows));
      });
    });
  model
    .command('show')
    .argument('<model>')
    .description('the versions of a model: digest, size, who registered it when, and what it does now')
    .action(async (name: string) => {
      await withSession(async ({ bus, answer }) => {
        const world = await readWorld(bus);
        const versions = versionsOf(world, name);
        if (versions.length === 0) {
          const list = 'conclave models list';
          throw unknownId('CVE_MODEL_UNKNOWN', { what: 'model', given: name, list }, modelNames(world));
        }
        const rows = versions.map((v) => [
          bold(v.version),
          v.use,
          v.digest,
          bytesText(v.bytes),
          dim(`${v.by}, ${when(v.at)}`),
          dim(v.description),
        ]);
        answer({ model: name, versions }, `${bold(name)}\n${columns(rows, '  ')}`);
      });
    });
}

/** `datasets list` and `datasets show`. */
export function addDatasets(dataset: Command, withSession: WithSession): void {
  dataset
    .command('list')
    .description('every registered dataset, in its newest form')
    .action(async () => {
      await withSession(async ({ bus, answer }) => {
        const world = await readWorld(bus);
        const datasets = datasetNames(world).flatMap((name) => registrations(world, name).slice(0, 1));
        const rows = datasets.map((d) => [bold(d.name), dim(shortDigest(d.digest)), holdsText(d), dim(when(d.at))]);
        const none = 'no dataset yet; push one: conclave dataset push <folder>';
        answer({ datasets }, rows.length === 0 ? none : columns(rows));
      });
    });
  dataset
    .command('show')
    .argument('<dataset>')
    .description('every form in which a dataset was registered, newest first, and which models use it')
    .action(async (name: string) => {
      await withSession(async ({ bus, answer }) => {
        const world = await readWorld(bus);
        const forms = registrations(world, name).map((d) => ({ ...d, models: usersOf(world, d.digest) }));
        if (forms.length === 0) {
          const list = 'conclave datasets list';
          throw unknownId('CVE_DATASET_UNKNOWN', { what: 'dataset', given: name, list }, datasetNames(world));
        }
        const rows = forms.map((d) => [
          d.digest,
          holdsText(d),
          d.models.length === 0 ? dim('unused') : d.models.join(', '),
          dim(`${d.by}, ${when(d.at)}`),
          dim(d.description),
        ]);
        answer({ dataset: name, registrations: forms }, `${bold(name)}\n${columns(rows, '  ')}`);
      });
    });
}

function modelNames(world: World): string[] {
  return Object.entries(world.registry)
    .filter(([, { versions }]) => Object.keys(versions).length > 0)
    .map(([name]) => name)
    .sort();
}

/** In the order in which they were registered. */
function versionsOf(world: World, model: string): Version[] {
  const versions = Object.values(entryOf(world.registry, model)?.versions ?? {});
  return versions
    .map((version) => ({ ...version, use: useOf(world, version) }))
    .sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
}

function useOf(world: World, { model, version }: RegisteredModel): string {
  const state = entryOf(world.rollouts, model);
  if (state === undefined) return 'registered';
  if (state.stable?.version === version) return 'stable';
  if (openRollout(state)?.definition.version === version) return 'candidate';
  return state.previousStable?.version === version ? 'previous' : 'registered';
}

function versionText({ version, use }: Version): string {
  return use === 'registered' ? version : `${version} ${dim(`(${use})`)}`;
}

function datasetNames(world: World): string[] {
  const names = Object.values(world.registry).flatMap(({ datasets }) => datasets.map(({ name }) => name));
  return [...new Set(names)].sort();
}

/** Newest first. */
function registrations(world: World, name: string): RegisteredDataset[] {
  return Object.values(world.registry)
    .flatMap(({ datasets }) => datasets.filter((d) => d.name === name))
    .reverse();
}

function usersOf(world: World, digest: string): string[] {
  return Object.values(world.rollouts)
    .filter((s) => s.stable?.dataset === digest || openRollout(s)?.definition.dataset === digest)
    .map(({ model }) => model)
    .sort();
}

function holdsText({ documents, queries }: RegisteredDataset): string {
  return `${documents} documents, ${queries} queries`;
}

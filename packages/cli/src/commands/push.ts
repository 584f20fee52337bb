import { validateBundle, validateDataset } from '@conclave/bundles';
import type { Progress } from '@conclave/bus';
import { ConclaveError, versionName } from '@conclave/contracts';
import type { Command } from 'commander';
import { bytesText, columns, style } from '../output/text.ts';
import { type Pushed, pushDataset, pushModel } from '../push.ts';
import type { WithSession } from '../session.ts';
import { addDatasets, addModels } from './registry.ts';

export function addPush(program: Command, withSession: WithSession): void {
  const model = program.command('model').alias('models').description('model bundles');
  model
    .command('push')
    .argument('<folder>', 'folder with bundle.json')
    .description('check a bundle, store it and register its version')
    .option('--version <version>', 'register a copy under another version')
    .action(async (folder: string, options: { version?: string }) => {
      const named = versionName.optional().safeParse(options.version);
      if (!named.success)
        throw new ConclaveError(
          'CVE_NAME_INVALID',
          `--version "${options.version}" ${named.error.issues[0]?.message}; correct it`,
        );
      // Checked before connecting: a broken bundle needs no server to be refused.
      validateBundle(folder);
      await withSession(async ({ bus, token, answer }) => {
        const pushed = await withProgress((onProgress) =>
          pushModel(bus, folder, { token, onProgress, version: options.version }),
        );
        answer(pushed, pushedText(`${pushed.model} ${pushed.version}`, pushed, []));
      });
    });
  addModels(model, withSession);
  const dataset = program.command('dataset').alias('datasets').description('evaluation datasets');
  dataset
    .command('push')
    .argument('<folder>', 'folder with dataset.json')
    .description('check a dataset in BEIR form, store it and register it')
    .action(async (folder: string) => {
      validateDataset(folder);
      await withSession(async ({ bus, token, answer }) => {
        const pushed = await withProgress((onProgress) => pushDataset(bus, folder, { token, onProgress }));
        const holds = ['holds', `${pushed.documents} documents, ${pushed.queries} queries`];
        answer(pushed, pushedText(`dataset ${pushed.name}`, pushed, [holds]));
      });
    });
  addDatasets(dataset, withSession);
}

function pushedText(what: string, { digest, bytes, files, alreadyThere }: Pushed, facts: readonly string[][]): string {
  const before = alreadyThere ? ' (its content was stored before)' : '';
  const rows = [['digest', digest], ...facts, ['size', `${bytesText(bytes)} in ${files} files`]];
  return `${style('green', '✓')} ${what} registered${before}\n${columns(rows, '  ')}`;
}

/** Shows how far an upload is on a terminal's standard error, and nothing elsewhere. */
async function withProgress<T>(work: (onProgress: Progress) => Promise<T>): Promise<T> {
  if (!process.stderr.isTTY) return await work(() => undefined);
  try {
    return await work(({ bytes, total }) => {
      process.stderr.write(`\r\u001b[Kuploading ${bytesText(bytes)} of ${bytesText(total)}`);
    });
  } finally {
    process.stderr.write('\r\u001b[K');
  }
}

import { validateBundle, validateDataset } from '@conclave/bundles';
import type { Progress } from '@conclave/bus';
import { ConclaveError, versionName } from '@conclave/contracts';
import type { Command } from 'commander';
import { bytesText, columns, style } from '../output/text.ts';
import { pushDataset, pushModel } from '../push.ts';
import type { WithSession } from '../session.ts';

export function addPush(program: Command, withSession: WithSession): void {
  const model = program.command('model').description('model bundles');
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
      await withSession(async ({ bus, token, print }) => {
        const pushed = await withProgress((onProgress) =>
          pushModel(bus, folder, { token, onProgress, version: options.version }),
        );
        print(
          `${style('green', '✓')} ${pushed.model} ${pushed.version} registered${pushed.alreadyThere ? ' (its content was stored before)' : ''}`,
        );
        print(
          columns(
            [
              ['digest', pushed.digest],
              ['size', `${bytesText(pushed.bytes)} in ${pushed.files} files`],
            ],
            '  ',
          ),
        );
      });
    });
  const dataset = program.command('dataset').description('evaluation datasets');
  dataset
    .command('push')
    .argument('<folder>', 'folder with dataset.json')
    .description('check a dataset in BEIR form, store it and register it')
    .action(async (folder: string) => {
      validateDataset(folder);
      await withSession(async ({ bus, token, print }) => {
        const pushed = await withProgress((onProgress) => pushDataset(bus, folder, { token, onProgress }));
        print(
          `${style('green', '✓')} dataset ${pushed.name} registered${pushed.alreadyThere ? ' (its content was stored before)' : ''}`,
        );
        print(
          columns(
            [
              ['digest', pushed.digest],
              ['holds', `${pushed.documents} documents, ${pushed.queries} queries`],
              ['size', `${bytesText(pushed.bytes)} in ${pushed.files} files`],
            ],
            '  ',
          ),
        );
      });
    });
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

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { queryLine, type RolloutDefinition, rolloutDefinition } from '@conclave/contracts';
import { parse } from 'yaml';

/** Where the sample model lies. */
export const SAMPLE_DIR = fileURLToPath(new URL('../../../../examples/emoji-search', import.meta.url));
export const SAMPLE_MODEL = 'emoji-search';
export const SAMPLE_DATASET = 'emoji-twemoji';
/** What serves before Conclave arrives. */
export const ADOPTED_VERSION = '0.9';
/** Versions the story rolls out, in order, and what becomes of them. */
export const ROLLED_OUT = [
  { version: '1.0', expects: 'completed', about: 'a better model: it should earn production' },
  {
    version: '1.1',
    expects: 'rolled_back',
    about: 'a colour-channel bug in its preprocessing: quality should give it away',
  },
  {
    version: '1.2',
    expects: 'rolled_back',
    about: 'encodes every picture for each query: latency should give it away',
  },
] as const;

export const bundleDir = (version: string): string => join(SAMPLE_DIR, 'bundles', version);
export const datasetDir = join(SAMPLE_DIR, 'dataset');

/** Texts of the validation queries: what the load driver asks. */
export async function sampleQueries(): Promise<string[]> {
  const text = await readFile(join(datasetDir, 'queries.jsonl'), 'utf8');
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => queryLine.parse(JSON.parse(line)).text);
}

/** The committed definition of a version's rollout. */
export async function sampleRollout(version: string): Promise<RolloutDefinition> {
  return rolloutDefinition.parse(parse(await readFile(join(SAMPLE_DIR, 'rollouts', `${version}.yaml`), 'utf8')));
}

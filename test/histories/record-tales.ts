/*
 * Records what is told in `tales`, for all later versions to fold: `node test/histories/record-tales.ts`. A recording is never changed, and
 * this overwrites none; tell another tale when there is another event. `--ends` writes anew where every recording ends, after somebody has
 * looked at each difference: a fold that reads an old journal to another end has lost something.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { wayAndEndOf } from './end-of.ts';
import { linesOf, readRecording, recordings } from './recording.ts';
import { TALES } from './tales/index.ts';

const fileOf = (name: string): string => join(import.meta.dirname, name);
for (const [name, tell] of Object.entries(TALES)) {
  const file = fileOf(`told-${name}.jsonl`);
  if (!existsSync(file)) writeFileSync(file, linesOf(tell().commits));
}
for (const name of recordings()) {
  const file = fileOf(`${name}.end.json`);
  if (existsSync(file) && !process.argv.includes('--ends')) continue;
  writeFileSync(file, `${JSON.stringify(wayAndEndOf(readRecording(name)), null, 1)}\n`);
}

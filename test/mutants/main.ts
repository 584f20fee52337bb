/**
 * `pnpm mutants`: breaks one rule after the other in a copy of the last commit, and tells which breaks the tests notice. `pnpm mutants --
 * ageing` tries those whose rule contains the text. Ends with 1 when one survives or its place is not found any more.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { copyOfCommit } from '../fixtures/earlier-code.ts';
import { MUTANTS, type Mutant } from './mutants.ts';

const wanted = process.argv.slice(2).filter((argument) => argument !== '--');
const chosen = MUTANTS.filter(({ rule }) => wanted.every((text) => rule.includes(text)));
await using copy = await copyOfCommit('HEAD');

/** Exit code of the tests; null when they were killed. */
async function runTests(tests: readonly string[]): Promise<number | null> {
  const child = spawn(process.execPath, ['scripts/tests.mjs', ...tests], { cwd: copy.dir, stdio: 'ignore' });
  const [code] = await once(child, 'exit');
  return code;
}

async function isCaught({ file, from, to, tests }: Mutant): Promise<boolean> {
  const path = join(copy.dir, file);
  const text = await readFile(path, 'utf8');
  if (!text.includes(from)) throw new Error(`${file} has no "${from}" any more; correct test/mutants/mutants.ts`);
  await writeFile(path, text.replace(from, to));
  try {
    return (await runTests(tests)) !== 0;
  } finally {
    await writeFile(path, text);
  }
}

let survived = 0;
for (const mutant of chosen) {
  const caught = await isCaught(mutant);
  if (!caught) survived++;
  console.log(`${caught ? 'caught  ' : 'SURVIVED'}  ${mutant.rule}`);
}
const sound = (await runTests([...new Set(chosen.flatMap(({ tests }) => tests))])) === 0;
console.log(
  `${chosen.length - survived} of ${chosen.length} caught; the tests ${sound ? 'pass' : 'FAIL'} on the code as it is`,
);
process.exitCode = survived > 0 || !sound || chosen.length === 0 ? 1 : 0;

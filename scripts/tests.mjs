import * as fs from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { root } from './setup/layout.mjs';
import { findNatsServer } from './setup/nats-server.mjs';

/**
 * Runs the tests: first those beside the code, two files at a time, then those that start whole systems, one at a time.
 * Arguments narrow the choice: an existing path to what lies there, other text to the files whose path contains it. Fails when no test ran.
 */
const phases = [
  {
    globs: ['scripts/**/*.test.mjs', 'packages/**/*.test.ts', 'services/**/*.test.ts', 'bench/**/*.test.ts'],
    concurrency: 2,
    fileTimeoutMs: 600_000,
  },
  { globs: ['test/**/*.test.ts'], concurrency: 1, fileTimeoutMs: 1_800_000 },
];

const filters = process.argv.slice(2).map((argument) => relative(root, resolve(argument)));
const interrupt = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => interrupt.abort());

if (!fs.globSync) throw new Error(`this is Node ${process.versions.node}; run the tests with 'npm test -- [path ...]'`);
process.chdir(root);
await nameNatsServer();
let ran = 0;
let failed = 0;
for (const phase of phases) {
  const files = phaseFiles(phase.globs);
  if (files.length === 0 || interrupt.signal.aborted) continue;
  const totals = await runPhase(files, phase);
  ran += totals.ran;
  failed += totals.failed;
}
if (ran === 0) console.error(`no test ran${filters.length > 0 ? `; no test file matches ${filters.join(', ')}` : ''}`);
process.exitCode = ran === 0 || failed > 0 || interrupt.signal.aborted ? 1 : 0;

function phaseFiles(globs) {
  const files = globs
    .flatMap((pattern) => fs.globSync(pattern, { cwd: root, exclude: (name) => name === 'node_modules' }))
    .sort();
  return files
    .filter((file) => filters.length === 0 || filters.some((filter) => isMeant(file, filter)))
    .map((file) => join(root, file));
}

function isMeant(file, filter) {
  if (!fs.existsSync(join(root, filter))) return file.includes(filter);
  return file === filter || file.startsWith(`${filter}/`);
}

/** Counts single tests only: a file without any is reported by the runner as one passed test of its own name. */
function runPhase(files, { concurrency, fileTimeoutMs }) {
  const totals = { ran: 0, failed: 0 };
  const isSingleTest = (data) =>
    data.details?.type !== 'suite' && data.skip === undefined && !files.includes(data.name);
  const limit = new URL(`file-limit.mjs?ms=${fileTimeoutMs}`, import.meta.url);
  const execArgv = [`--import=${limit}`];
  const events = run({ files, concurrency, execArgv, timeout: fileTimeoutMs, signal: interrupt.signal });
  events.on('test:pass', (data) => {
    if (isSingleTest(data)) totals.ran++;
  });
  events.on('test:fail', (data) => {
    if (isSingleTest(data)) totals.ran++;
    if (data.todo === undefined) totals.failed++;
  });
  return new Promise((done) => {
    const output = events.compose(new spec());
    output.on('end', () => done(totals));
    output.pipe(process.stdout, { end: false });
  });
}

async function nameNatsServer() {
  const binary = await findNatsServer();
  if (!binary) throw new Error("no nats-server was found; 'npm test' or 'node scripts/run.mjs setup' fetches one");
  process.env.NATS_SERVER_BIN = binary;
}

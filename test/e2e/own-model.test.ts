import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { isEnded } from '@conclave/core';
import { startSystem } from '../fixtures/system.ts';

const ROOT = join(import.meta.dirname, '../..');
const EXAMPLE = join(ROOT, 'examples/vector-search');
const CLI = join(ROOT, 'packages/cli/src/main.ts');
const call = promisify(execFile);

test('a vector model of one’s own goes from push to production by the commands of the README alone', async (t) => {
  const { stack, expect } = await startSystem(t, { replicas: { 'gpu-runner': 2 } });
  const made = await mkdtemp(join(tmpdir(), 'conclave-own-model-'));
  t.after(() => rm(made, { recursive: true }));
  const env = { ...process.env, NO_COLOR: '1' };
  const args = (...more: string[]): string[] => [CLI, '--state', stack.dataDir, ...more];
  const conclave = async (...more: string[]): Promise<string> =>
    (await call(process.execPath, args(...more), { env })).stdout;

  await call(process.execPath, [join(EXAMPLE, 'make.ts'), made]);
  assert.match(await conclave('dataset', 'push', join(made, 'dataset')), /300 documents, 200 queries/);
  for (const version of ['1.0', '1.1']) await conclave('model', 'push', join(made, version));
  await conclave('adopt', 'recipe-search', '1.0', '--dataset', 'recipes');
  assert.match(await conclave('infer', 'recipe-search'), /recipe-search 1\.0 answered query q1 "something with/);
  const curl = await conclave('infer', 'recipe-search', '--curl');
  const { stdout } = await call('sh', ['-c', curl]);
  assert.equal(JSON.parse(stdout).outputs[0].shape[1], 5);

  const load = spawn(process.execPath, args('load', 'recipe-search', '--rate', '150', '--json'), { env });
  const ended = once(load, 'exit');
  t.after(() => load.kill('SIGKILL'));
  let summary = '';
  load.stdout.on('data', (chunk) => {
    summary += String(chunk);
  });
  const file = join(made, 'rollout.yaml');
  await writeFile(file, quick(await readFile(join(EXAMPLE, 'rollouts/1.1-in-minutes.yaml'), 'utf8')));
  assert.match(await conclave('apply', '--dry-run', '-f', file), /shadow 1 s > 5% 1 s > /);
  await conclave('apply', '-f', file);
  const rollout = await expect.holds('the end of the rollout of recipe-search', ({ rollouts }) => {
    const found = rollouts['recipe-search']?.current;
    return found !== undefined && isEnded(found) ? found : undefined;
  });
  assert.equal(rollout.phase, 'completed', rollout.ended?.reason);
  assert.match(await conclave('explain', 'recipe-search'), /1\.1 completed/);
  assert.match(await conclave('status'), /gpu-runner-0 .*, gpu-runner-1 /);

  load.kill('SIGINT');
  await ended;
  const { failed, byVersion, dataset } = JSON.parse(summary);
  assert.equal(failed, 0);
  assert.ok(byVersion['1.0'] > 0 && byVersion['1.1'] > 0, JSON.stringify(byVersion));
  assert.match(dataset, /^sha256:/);
});

/** The same rollout at the pace of a test, on a machine that is no place to judge latency. */
function quick(definition: string): string {
  const gates = [
    'latency_p95_ms, operator: "<", threshold: 2000',
    'slo_compliance, operator: ">=", threshold: 0.9',
  ].map((gate) => `    - { name: ${gate.split(',')[0]}, source: telemetry, metric: ${gate}, minSamples: 30 }`);
  const others = [
    '{ name: ndcg@10, source: evaluation, metric: ndcg@10, threshold: 0.72, minSamples: 50 }',
    '{ name: p0_incidents, source: incidents }',
    '{ name: rollback_test, source: rollback_test }',
    '{ name: no_loss_vs_stable, source: comparison, minSamples: 50 }',
  ].map((gate) => `    - ${gate}`);
  return `${definition.replaceAll(/soakSeconds: \d+/g, 'soakSeconds: 1').trimEnd()}\n  gates:\n${[...gates, ...others].join('\n')}\n`;
}

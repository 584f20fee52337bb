import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gate, knownGate, pinnedRollout } from './rollout-definition.ts';
import { zodMessage } from './zod-message.ts';

const incidents = { name: 'p0', source: 'incidents' };

test('a gate that is said not to be required is refused with what to write instead', () => {
  for (const required of [true, false]) {
    const parsed = gate.safeParse({ ...incidents, required });
    assert.ok(!parsed.success);
    assert.match(
      zodMessage(parsed.error),
      /a gate has no "required": .*write dryRun: true, and leave required: true out/,
    );
  }
});

test('any other unknown key is refused as one', () => {
  const parsed = gate.safeParse({ ...incidents, dryrun: true });
  assert.ok(!parsed.success);
  assert.match(zodMessage(parsed.error), /Unrecognized key: "dryrun"/);
});

test('a gate on record is kept as it is, and judged by only where every setting is known', () => {
  const digest = `sha256:${'a'.repeat(64)}`;
  const { gates } = pinnedRollout.parse({
    ...{ name: 'r', model: 'm', version: '1.0', digest, datasetName: 'd', dataset: digest, authority: 'act' },
    stages: [
      { name: 'shadow', soakSeconds: 1 },
      { name: 'production', soakSeconds: 1 },
    ],
    gates: [
      { ...gate.parse(incidents), required: true },
      { ...gate.parse(incidents), colour: 'red' },
    ],
  });
  assert.deepEqual(gates[1], { ...gate.parse(incidents), colour: 'red' });
  assert.deepEqual(gates.map(knownGate), [gate.parse(incidents), undefined]);
});

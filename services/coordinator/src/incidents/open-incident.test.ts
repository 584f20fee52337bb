import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type IncidentReport, parseIncident } from '@conclave/contracts';
import { openP0Incidents } from '@conclave/core';
import { clockOf, writerOf } from '../testing/memory-writer.ts';
import { TestWorld } from '../testing/test-world.ts';
import { openIncident } from './open-incident.ts';

const report = (change: object = {}): IncidentReport =>
  parseIncident({ id: 'pager-7', severity: 'P0', title: 'search is down', ...change });

const open = (t: TestWorld, change: object = {}): Promise<string> =>
  openIncident(report(change), 'unused', writerOf(t), clockOf(t));

function resolve(t: TestWorld, incidentId: string): void {
  t.resolved(incidentId);
}

test('the same report while it is open is the same incident', async () => {
  const t = new TestWorld();
  assert.equal(await open(t), 'pager-7');
  assert.equal(await open(t), 'pager-7');
  assert.equal(Object.keys(t.world.incidents).length, 1);
});

test('an alert that fires again after it was resolved holds again', async () => {
  const t = new TestWorld();
  resolve(t, await open(t));
  assert.equal(openP0Incidents(t.world, 'any').length, 0);
  assert.equal(await open(t), 'pager-7-2');
  assert.equal(await open(t), 'pager-7-2', 'a redelivery opens no third');
  assert.equal(openP0Incidents(t.world, 'any').length, 1);
});

test('a message that comes again after its incident was resolved opens none', async () => {
  const t = new TestWorld();
  const again = () => openIncident(report({ id: undefined }), 'incident-7', writerOf(t), clockOf(t));
  resolve(t, await again());
  assert.equal(await again(), 'incident-7');
  assert.equal(openP0Incidents(t.world, 'any').length, 0);
});

test('an alert that escalates under its id is not taken for the old one', async () => {
  const t = new TestWorld();
  await open(t, { severity: 'P2' });
  assert.equal(await open(t, { severity: 'P0' }), 'pager-7-2');
  assert.deepEqual(
    openP0Incidents(t.world, 'any').map((i) => i.incidentId),
    ['pager-7-2'],
  );
});

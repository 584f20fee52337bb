import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { listDeadLetters, publishInbox, type Quarantined } from '@conclave/bus';
import { until } from '@conclave/bus/testing';
import { aggregates, subjects } from '@conclave/contracts';
import { type Incident, quarantinedToLookAt, type World } from '@conclave/core';
import { type LeadingCoordinator, startLeading } from '../testing/leading.ts';
import { QuarantineBox } from './quarantine-reports.ts';

const openOnes = ({ incidents }: World): Incident[] =>
  Object.values(incidents).filter(
    ({ incidentId, resolved }) => incidentId.startsWith('quarantine-journal-') && resolved === undefined,
  );

suite('what lies in the journal and does not count', () => {
  let coordinator: LeadingCoordinator;
  before(async () => {
    coordinator = await startLeading();
  });
  after(async () => {
    await coordinator[Symbol.asyncDispose]();
  });
  const forge = async (body: object): Promise<number> =>
    (await publishInbox(coordinator.bench.bus, subjects.journal(aggregates.rollouts('search')), body)).seq;
  const letters = async () =>
    (await listDeadLetters(coordinator.bench.bus, { limit: 100 })).filter(({ code }) => code === 'CVE_UNAUTHORIZED');

  test('is reported once: a dead letter and a P1 incident that holds nothing', async () => {
    const seq = await forge({ forged: 1 });
    const incident = await coordinator.until((world) => openOnes(world)[0]);
    assert.equal(incident.severity, 'P1');
    assert.match(incident.detail, new RegExp(`#${seq} conclave.journal.rollouts.search: it is not signed`));
    const [letter] = await letters();
    assert.equal(Buffer.from(letter?.bytes ?? []).toString(), '{"forged":1}');
    assert.match(letter?.reason ?? '', /message \d+ of the journal does not count: it is not signed/);
    assert.equal((await letters()).length, 1);
  });

  test('a flood is one incident that counts, and each message a dead letter', async () => {
    const from = coordinator.world().quarantine.count;
    for (let n = 0; n < 40; n++) await forge({ flood: n });
    await coordinator.until(({ quarantine: { count, messages, reported } }) =>
      count === from + 40 && (reported.journal ?? 0) >= (messages.at(-1)?.seq ?? 0) ? true : undefined,
    );
    const [incident, ...more] = openOnes(coordinator.world());
    assert.deepEqual([incident?.reports, more.length], [from + 40, 0]);
    assert.equal((await letters()).length, from + 40);
  });

  test('once that is resolved, the next one is another incident', async () => {
    const [{ incidentId } = { incidentId: '' }] = openOnes(coordinator.world());
    assert.ok(quarantinedToLookAt(coordinator.world()) > 0);
    await coordinator.call('resolve_incident', { incidentId, reason: 'the key was revoked' });
    await coordinator.until((world) => (openOnes(world).length === 0 ? true : undefined));
    assert.equal(quarantinedToLookAt(coordinator.world()), 0);
    await forge({ again: 1 });
    const next = await coordinator.until((world) => openOnes(world)[0]);
    assert.notEqual(next.incidentId, incidentId);
  });

  test('nobody halts on it: the system goes on', async () => {
    await coordinator.call('open_incident', { severity: 'P2', title: 'still here', id: 'goes-on' });
    await until(() => coordinator.world().incidents['goes-on'] !== undefined, 'the incident is on record');
  });
});

test('what waits beside the journal is kept until it is reported, and no longer', () => {
  const box = new QuarantineBox();
  const message = (seq: number): Quarantined => ({
    ...{ stream: 'telemetry', seq, subject: 's', storedAt: '', reason: 'it is not signed' },
    bytes: new Uint8Array(),
  });
  for (const seq of [3, 5, 5, 9]) box.add(message(seq));
  const seqs = (reported: Record<string, number>) =>
    [...box.behind(reported)].map(([, all]) => all.map(({ seq }) => seq));
  assert.deepEqual(seqs({}), [[3, 5, 9]]);
  assert.deepEqual(seqs({ telemetry: 5, runners: 99 }), [[9]]);
  assert.deepEqual(seqs({ telemetry: 9 }), []);
  for (let seq = 10; seq < 5000; seq++) box.add(message(seq));
  assert.equal(seqs({ telemetry: 9 })[0]?.length, 1000);
});

import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { listDeadLetters, openJournal, publishInbox, publishTelemetry } from '@conclave/bus';
import { BUCKETS, encodeToken, subjects } from '@conclave/contracts';
import type { Incident } from '@conclave/core';
import { historyIn, writeTo } from '@conclave/histories';
import { type LeadingCoordinator, startLeading } from '../testing/leading.ts';

suite('what does not count beside the journal', () => {
  let coordinator: LeadingCoordinator;
  before(async () => {
    coordinator = await startLeading();
  });
  after(async () => {
    await coordinator[Symbol.asyncDispose]();
  });
  const incidentOn = async (stream: string): Promise<Incident> =>
    await coordinator.until(({ incidents }) =>
      Object.values(incidents).find(({ incidentId }) => incidentId.startsWith(`quarantine-${stream}-`)),
    );
  const lettersOn = async (subject: string) =>
    (await listDeadLetters(coordinator.bench.bus, { limit: 100 })).filter((one) => one.originalSubject === subject);

  test('is reported once: a window that nobody signed', async () => {
    const subject = subjects.telemetry('search', '1.0');
    await publishInbox(coordinator.bench.bus, subject, { forged: 1 });
    const { severity, detail } = await incidentOn('telemetry');
    assert.equal(severity, 'P1');
    assert.match(detail, /#1 conclave\.telemetry\.search\..*: it is not signed/);
    const letters = await lettersOn(subject);
    assert.deepEqual(
      letters.map(({ bytes }) => Buffer.from(bytes).toString()),
      ['{"forged":1}'],
    );
  });

  test('a window that was stored again', async () => {
    const { bus } = coordinator.bench;
    const history = historyIn('shadow', { start: new Date(Date.now() - 60_000) });
    await writeTo(openJournal(bus, { by: 'coordinator-0' }), history);
    const model = history.rollout.definition.model;
    await coordinator.until(({ rollouts }) => rollouts[model]?.current?.firstServedAt);
    const { version, digest } = history.rollout.definition;
    const to = new Date().toISOString();
    const window = {
      ...{ kind: 'window', runner: 'r-0', series: 's-0', model, version, digest, stageEpoch: 1, mode: 'mirror' },
      ...{
        from: to,
        to,
        requests: 0,
        errors: 0,
        withinSlo: 0,
        latencyThresholdMs: 50,
        latency: { count: 0, buckets: {} },
      },
    };
    const subject = subjects.telemetry(model, version);
    for (let time = 0; time < 2; time++) await publishTelemetry(bus, subject, window);
    const told = await coordinator.until(({ quarantine }) =>
      (quarantine.reported.telemetry ?? 0) >= 3 ? true : undefined,
    );
    assert.ok(told);
    assert.equal((await lettersOn(subject)).length, 1);
  });

  test('a runner that nobody signed', async () => {
    const subject = `$KV.${BUCKETS.runners}.${encodeToken('gpu-runner-0')}`;
    await publishInbox(coordinator.bench.bus, subject, { runner: 'gpu-runner-0' });
    assert.match((await incidentOn('runners')).detail, /it is not signed/);
    assert.equal((await lettersOn(subject)).length, 1);
  });
});

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { connectBus, keyringOf, openJournal, privateKeyOf, signerOf } from '@conclave/bus';
import { aggregates } from '@conclave/contracts';
import { connect } from 'nats';
import { assertJournalSound } from '../fixtures/journal-invariants.ts';
import { startSystem } from '../fixtures/system.ts';
import { TINY_MODEL } from '../fixtures/tiny-model.ts';

test('every writer gets another key in the middle of a rollout; what an old one signs, or nobody, counts no more', async (t) => {
  const { stack, world, given, when, expect } = await startSystem(t, { replicas: { 'gpu-runner': 2, coordinator: 2 } });
  const { credentials } = stack;
  await given.adopted('1.0');
  const load = when.traffic(60);
  await when.applied('1.0');
  await expect.stage('shadow');
  const oldSeed = await credentials.seed('coordinator');
  for (const service of ['executor', 'coordinator', 'gpu-runner', 'planner'] as const) await stack.rotateKey(service);
  assert.notEqual(await credentials.seed('coordinator'), oldSeed);

  // With the old key, and a connection that may write there.
  const bus = await connectBus({
    servers: stack.natsUrl,
    name: 'thief',
    user: 'coordinator',
    nkeySeed: await credentials.seed('coordinator'),
    signer: signerOf(oldSeed),
    // By the system's it would count nothing of what it signs, and so refuse to.
    keyring: keyringOf({ keys: [{ key: privateKeyOf(oldSeed).publicNkey, role: 'coordinator' }] }),
  });
  t.after(() => bus.drain());
  const rolloutId = world().rollouts[TINY_MODEL]?.current?.rolloutId ?? '';
  const aborted = { rolloutId, by: 'thief', reason: 'stolen' };
  const at = new Date().toISOString();
  await openJournal(bus, { by: 'coordinator-0' }).append(aggregates.rollouts(TINY_MODEL), 'any', [
    { id: randomUUID(), type: 'rollout.aborted', at, data: aborted },
  ]);
  const passedOver = await expect.holds('it is passed over', ({ quarantine }) => quarantine.messages.at(-1));
  assert.match(passedOver.reason, /^its key U[A-Z2-7]+ was not valid at /);

  // Nobody's: the server answers a document that anybody may hand in to where its sender says, on behalf of itself.
  const anybody = await connect({ servers: stack.natsUrl });
  t.after(() => anybody.close());
  anybody.publish('conclave.insight', '{"text":"look here"}', { reply: 'conclave.journal.schedule' });
  await expect.holds('that too', ({ quarantine }) => (quarantine.count === 2 ? true : undefined));
  await expect.holds('a person hears of both', ({ quarantine: { messages, reported } }) =>
    reported.journal === messages.at(-1)?.seq ? true : undefined,
  );

  const rollout = await expect.ended('1.0');
  assert.equal(rollout.phase, 'completed', rollout.ended?.reason);
  assert.equal(load.counts.failed, 0, load.counts.lastFailure);
  assertJournalSound(await expect.everyActionEnded(), { finished: true });
  assert.equal(world().quarantine.count, 2);
});

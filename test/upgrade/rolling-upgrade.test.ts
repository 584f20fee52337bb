import assert from 'node:assert/strict';
import { test } from 'node:test';
import { earlierCode, mixedServices, TODAY } from '../fixtures/earlier-code.ts';
import { assertJournalSound } from '../fixtures/journal-invariants.ts';
import { startSystem } from '../fixtures/system.ts';

/** The code that today's runs beside: the newest one whose commits are signed and whose folds end as they do today. */
const EARLIER = 'c0cdadb';

/** Two of what must not be away while one of them starts anew. */
const REPLICAS = { coordinator: 2, 'gpu-runner': 2 } as const;
const ORDER = ['metrics', 'executor', 'coordinator', 'gpu-runner', 'planner'] as const;

for (const direction of ['upgrade', 'downgrade'] as const) {
  test(`a rolling ${direction} in the middle of a rollout, under traffic: nothing is lost, nobody halts`, async (t) => {
    const earlier = await earlierCode(t, EARLIER);
    if (earlier === undefined) return t.skip(`no commit ${EARLIER} in this clone`);
    const [from, to] = direction === 'upgrade' ? [earlier, TODAY] : [TODAY, earlier];
    const services = await mixedServices(t, from);
    const { stack, given, when, expect, world } = await startSystem(t, {
      replicas: REPLICAS,
      servicesDir: services.dir,
    });
    const replace = async (service: (typeof ORDER)[number]): Promise<void> => {
      await services.use(service, to);
      for (const { name } of stack.supervisor.processes.filter((one) => one.name.startsWith(`${service}-`))) {
        const before = stack.supervisor.process(name).starts;
        stack.supervisor.kill(name, 'SIGTERM');
        await expect.holds(`${name} starts anew`, () =>
          stack.supervisor.process(name).starts > before ? true : undefined,
        );
        await stack.waitUntilReady(name);
      }
    };

    await given.adopted('1.0');
    const load = when.traffic(60);
    await when.applied('1.0');
    await expect.stage('shadow');
    // In each order of the services: forwards to here, and the other way round on the way back.
    for (const service of direction === 'upgrade' ? ORDER : ORDER.toReversed()) await replace(service);
    const rollout = await expect.ended('1.0');
    assert.equal(rollout.phase, 'completed', rollout.ended?.reason);
    assert.equal(load.counts.failed, 0, load.counts.lastFailure);
    assertJournalSound(await expect.everyActionEnded(), { finished: true });
    assert.equal(world().quarantine.count, 0);
    assert.deepEqual(world().unread, {});
    const ended = stack.supervisor.processes.map(({ name, starts }) => `${name} ${starts}`);
    assert.ok(
      stack.supervisor.processes.every(({ starts }) => starts <= 2),
      `who ended by itself: ${ended.join(', ')}`,
    );
  });
}

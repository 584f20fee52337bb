import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Outage } from '../../packages/agents/src/testing/stand-in.ts';
import { startSystem } from '../fixtures/system.ts';
import { TINY_MODEL } from '../fixtures/tiny-model.ts';
import { startVendorTeam } from '../fixtures/vendor-team.ts';

/* One system for all of this: versions follow one another as they would in use, while vendors come and go. */

const TWO_STAGES = { stages: [{ name: 'shadow' as const }, { name: 'production' as const }] };
const DOWN = [
  { vendor: 'anthropic', outage: 'hangs', version: '1.1' },
  { vendor: 'openai', outage: 'fails', version: '1.2' },
  { vendor: 'google', outage: 'refuses_connections', version: '1.3' },
] as const satisfies readonly { vendor: string; outage: Outage; version: string }[];

test('twelve chairs of three vendors roll out, without any one vendor too, and without all of them nothing moves but back', async (t) => {
  const team = await startVendorTeam();
  t.after(() => team[Symbol.asyncDispose]());
  const { vendors, configFile, keys } = team;
  const system = await startSystem(t, { configFile, env: { planner: keys, executor: keys } });
  const { given, when, expect, world } = system;
  await given.adopted('1.0', '1.1', '1.2', '1.3', '1.4', '1.5');
  when.traffic(100);
  const advisorsSince = (seq: number): Set<string> =>
    new Set(
      Object.values(world().meetings)
        .filter((meeting) => meeting.seq > seq)
        .flatMap(({ turns }) => turns.map(({ speaker }) => speaker.adapter)),
    );
  const workersSince = (seq: number): Set<string> =>
    new Set(
      Object.values(world().actions).flatMap((run) =>
        run.seq > seq && run.completed !== undefined && run.speaker !== undefined ? [run.speaker.adapter] : [],
      ),
    );
  const reachesProduction = async (version: string, spec?: Parameters<typeof when.applied>[1]): Promise<void> => {
    await when.applied(version, spec);
    const rollout = await expect.ended(version);
    assert.equal(rollout.phase, 'completed', `${version}: ${rollout.ended?.reason}`);
  };

  await t.test('all vendors are up: every stage is earned, by models of each', async () => {
    await reachesProduction('1.0');
    assert.deepEqual([...advisorsSince(0)].toSorted(), ['anthropic', 'google', 'openai']);
    for (const [vendor, { refusals }] of Object.entries(vendors)) assert.deepEqual(refusals, [], vendor);
  });

  for (const { vendor, outage, version } of DOWN) {
    await t.test(`${vendor} ${outage}: its chairs speak through their substitutes`, async () => {
      await expect.holds('the end of what was begun with it', ({ meetings, schedule }) =>
        Object.values(meetings).every(({ closed }) => closed !== undefined) &&
        Object.values(schedule.actions).every(({ state }) => state === 'ended')
          ? true
          : undefined,
      );
      const before = world().seq;
      vendors[vendor].outage = outage;
      await reachesProduction(version, TWO_STAGES);
      assert.ok(!advisorsSince(before).has(vendor) && !workersSince(before).has(vendor));
      vendors[vendor].outage = undefined;
    });
  }

  await t.test('all are down: nothing advances, nothing is stuck, and the traffic can be taken back', async () => {
    await when.applied('1.4', TWO_STAGES);
    await expect.stage('shadow');
    for (const standIn of Object.values(vendors)) standIn.outage = 'refuses_connections';
    const { seq } = world();
    await expect.holds('a meeting without quorum', ({ meetings }) =>
      Object.values(meetings).find((meeting) => meeting.seq > seq && meeting.closed?.outcome === 'no_quorum'),
    );
    const current = world().rollouts[TINY_MODEL]?.current;
    assert.deepEqual([current?.phase, current?.stage], ['progressing', 'shadow']);
    assert.equal(Object(await when.aborted('nobody is there to watch it')).outcome, 'rolled_back');
    await expect.ended('1.4');

    await when.applied('1.5', TWO_STAGES);
    const since = world().seq;
    await expect.holds('another meeting without quorum', ({ meetings }) =>
      Object.values(meetings).find((meeting) => meeting.seq > since && meeting.closed?.outcome === 'no_quorum'),
    );
    assert.equal(world().rollouts[TINY_MODEL]?.current?.stage, undefined);
    assert.equal(Object(await when.aborted('again')).outcome, 'rolled_back');
    await expect.answersAlone('1.3');
    for (const [vendor, { refusals }] of Object.entries(vendors)) assert.deepEqual(refusals, [], vendor);
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { agentConfig, type VendorName } from '@conclave/contracts';
import { type Outage, startStandIn, TODAYS_MODELS } from '../testing/stand-in.ts';
import { startVendorServer } from '../testing/vendor-server.ts';
import { askLists } from './ask-lists.ts';
import { planSeat } from './plan-seat.ts';

const KEYS = { ANTHROPIC_API_KEY: 'a', OPENAI_API_KEY: 'b', GOOGLE_API_KEY: 'c' };
const OPTIONS = { timeoutMs: 5000, signal: new AbortController().signal };
const NOW = new Date('2026-11-27');
const own = { anthropic: 'claude-sonnet-4-5', openai: 'gpt-5', google: 'gemini-3.8-flash' } as const;

const agentAt = (adapter: VendorName, baseUrl: string) =>
  agentConfig.parse({ adapter, model: own[adapter], baseUrl, apiKeyEnv: `${adapter.toUpperCase()}_API_KEY` });

for (const vendor of ['anthropic', 'openai', 'google'] as const) {
  test(`${vendor}: its own list names the models and the days of shutdown`, async () => {
    await using server = await startStandIn(vendor, { models: TODAYS_MODELS[vendor], answer: () => '' });
    const lists = await askLists([agentAt(vendor, server.baseUrl)], KEYS, OPTIONS);
    const [list] = lists.values();
    assert.ok(list !== undefined && 'models' in list);
    const found = Object.fromEntries(list.models.map(({ id, shutdownOn }) => [id, shutdownOn ?? null]));
    assert.deepEqual(found, TODAYS_MODELS[vendor]);
  });

  test(`${vendor}: whatever befalls its list, the chair is not absent for it`, async () => {
    for (const outage of ['refuses_connections', 'fails', 'overloaded', 'hangs'] satisfies Outage[]) {
      await using server = await startStandIn(vendor, { models: TODAYS_MODELS[vendor], answer: () => '' });
      server.outage = outage;
      const agent = agentAt(vendor, server.baseUrl);
      const lists = await askLists([agent], KEYS, { ...OPTIONS, timeoutMs: 200 });
      assert.equal(planSeat(agent, KEYS, lists, NOW).chosen?.state, 'unverified', outage);
    }
  });

  for (const [what, status, body] of [
    ['no JSON', 200, '<html>'],
    ['an empty list', 200, { data: [], models: [], object: 'list', has_more: false }],
    ['no list at all', 404, { error: { message: 'not found' } }],
    ['a key that may talk but not list', 403, { error: { message: 'missing scopes' } }],
  ] as const) {
    test(`${vendor}: ${what} speaks against nobody`, async () => {
      await using server = await startVendorServer([{ status, body }]);
      const agent = agentAt(vendor, vendor === 'openai' ? `${server.url}/v1` : server.url);
      const lists = await askLists([agent], KEYS, OPTIONS);
      assert.equal(planSeat(agent, KEYS, lists, NOW).chosen?.state, 'unverified');
    });
  }

  test(`${vendor}: a refused key is told as such`, async () => {
    await using server = await startStandIn(vendor, { models: TODAYS_MODELS[vendor], answer: () => '' });
    server.outage = 'refuses_keys';
    const agent = agentAt(vendor, server.baseUrl);
    const { chosen, absent } = planSeat(agent, KEYS, await askLists([agent], KEYS, OPTIONS), NOW);
    assert.equal(chosen, undefined);
    assert.match(absent ?? '', /refuses the key in .*_API_KEY/);
  });
}

test('chairs that share address and key ask once, and one without a key not at all', async () => {
  await using server = await startStandIn('openai', { models: TODAYS_MODELS.openai, answer: () => '' });
  const agent = agentAt('openai', server.baseUrl);
  const lists = await askLists(
    [agent, agent, agentConfig.parse({ adapter: 'google', model: 'gemini-flash' })],
    { OPENAI_API_KEY: 'k' },
    OPTIONS,
  );
  assert.equal(lists.size, 1);
});

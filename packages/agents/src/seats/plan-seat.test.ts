import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AgentConfig, agentConfig } from '@conclave/contracts';
import type { ModelList, ModelLists } from './ask-lists.ts';
import { endpointOf } from './endpoint.ts';
import { canSpeak, planSeat, type SeatPlan } from './plan-seat.ts';

const NOW = new Date('2026-11-27T12:00:00Z');
const KEYS = { ANTHROPIC_API_KEY: 'a', OPENAI_API_KEY: 'b', GOOGLE_API_KEY: 'c' };

const chair = (model: string, more: object = {}): AgentConfig =>
  agentConfig.parse({ adapter: 'anthropic', model, ...more });

function lists(models: Record<string, string | undefined> | ModelList): ModelLists {
  const list: ModelList =
    'failure' in models || 'models' in models
      ? (models as ModelList)
      : { models: Object.entries(models).map(([id, shutdownOn]) => ({ id, shutdownOn })) };
  return new Map([[endpointOf({ adapter: 'anthropic' }).id, list]]);
}

const plan = (agent: AgentConfig, known: ModelLists = new Map(), env: NodeJS.ProcessEnv = KEYS): SeatPlan =>
  planSeat(agent, env, known, NOW);
const states = ({ candidates }: SeatPlan): string[] => candidates.map((c) => `${c.model} ${c.state}`);

test('a tier stands for its ids, newest first, and the newest that the vendor lists speaks', () => {
  const known = lists({ 'claude-opus-5': undefined, 'claude-opus-4-8': undefined });
  const { chosen, ...rest } = plan(chair('claude-opus'), known);
  assert.deepEqual(states({ chosen, ...rest }), [
    'claude-opus-5-5 unknown',
    'claude-opus-5 usable',
    'claude-opus-4-8 usable',
  ]);
  assert.equal(chosen?.model, 'claude-opus-5');
});

test('a list that cannot be had excludes nobody', () => {
  for (const known of [new Map(), lists({ failure: 'CVE_CHAT_TIMEOUT: no answer', keyRefused: false })]) {
    const seat = plan(chair('claude-opus'), known);
    assert.ok(seat.candidates.every(({ state }) => state === 'unverified'));
    assert.equal(seat.chosen?.model, 'claude-opus-5-5');
  }
});

test('a shut-down id gives way to the substitute, and says which tier to name', () => {
  const seat = plan(chair('claude-opus-4-20250514', { substitutes: [{ adapter: 'openai', model: 'gpt' }] }));
  assert.equal(seat.chosen?.endpoint.adapter, 'openai');
  assert.match(seat.candidates[0]?.detail ?? '', /shut down on 2026-06-15; name the tier claude-opus/);
  assert.match(seat.warnings.join(), /speaks as a substitute for claude-opus-4-20250514: .*was shut down/);
});

test('an id that ends soon is warned of; the vendor’s own date wins over the table', () => {
  assert.match(plan(chair('claude-sonnet-4-5')).warnings.join(), /shut down on 2026-11-30, in 3 days.*claude-sonnet/);
  const later = lists({ 'claude-sonnet-4-5': '2027-06-01' });
  assert.deepEqual(plan(chair('claude-sonnet-4-5'), later).warnings, []);
  const today = lists({ 'claude-sonnet-5-5': '2026-11-27' });
  assert.deepEqual(states(plan(chair('claude-sonnet-5-5'), today)), ['claude-sonnet-5-5 shut_down']);
});

test('a substitute that ends soon is warned of before it is needed', () => {
  const seat = plan(chair('claude-opus', { substitutes: [{ adapter: 'openai', model: 'o3' }] }));
  assert.match(seat.warnings.join(), /openai o3 is shut down on 2026-12-11, in 14 days/);
});

test('what the vendor lists without a date is alive, whatever the table says', () => {
  const seat = plan(chair('claude-opus-4-20250514'), lists({ 'claude-opus-4-20250514': undefined }));
  assert.equal(seat.chosen?.state, 'usable');
});

test('without its key a candidate is passed over, and a chair without any says every variable', () => {
  const agent = chair('claude-opus', { substitutes: [{ adapter: 'google', model: 'gemini-flash' }] });
  assert.equal(plan(agent, new Map(), { GOOGLE_API_KEY: 'c' }).chosen?.model, 'gemini-3.8-flash');
  const { absent, chosen } = plan(agent, new Map(), { ANTHROPIC_API_KEY: '  ' });
  assert.equal(chosen, undefined);
  assert.match(absent ?? '', /ANTHROPIC_API_KEY is not set.*GOOGLE_API_KEY is not set/);
});

test('a refused key excludes its vendor', () => {
  const seat = plan(chair('claude-opus'), lists({ failure: 'refused', keyRefused: true }));
  assert.equal(seat.candidates.some(canSpeak), false);
  assert.match(seat.absent ?? '', /refuses the key in ANTHROPIC_API_KEY/);
});

test('a server of one’s own is asked for an id that it does not list, but not for one that only a tier named', () => {
  const own = { adapter: 'openai' as const, baseUrl: 'http://127.0.0.1:11434/v1' };
  const known = (ids: string[]): ModelLists =>
    new Map([[endpointOf(own).id, { models: ids.map((id) => ({ id, shutdownOn: undefined })) }]]);
  const state = (model: string, ids: string[]): string[] =>
    states(plan(agentConfig.parse({ ...own, model }), known(ids)));
  assert.deepEqual(state('qwen3', ['llama4']), ['qwen3 unverified']);
  assert.deepEqual(state('qwen3', ['qwen3:latest']), ['qwen3 usable']);
  assert.deepEqual(state('gpt', ['gpt-5.6-sol']), ['gpt-6.1-sol unknown', 'gpt-6-sol unknown', 'gpt-5.6-sol usable']);
});

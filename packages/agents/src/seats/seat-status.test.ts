import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AgentConfig, agentConfig, ConclaveError } from '@conclave/contracts';
import type { ModelLists } from './ask-lists.ts';
import { endpointOf } from './endpoint.ts';
import { planSeat } from './plan-seat.ts';
import { RestBook } from './rest-book.ts';
import type { Roster } from './roster.ts';
import { seatStatus } from './seat-status.ts';

const NOW = new Date('2026-11-27T12:00:00Z');
const substitutes = [
  { adapter: 'openai', model: 'gpt' },
  { adapter: 'google', model: 'gemini-flash' },
];
const chair = agentConfig.parse({ adapter: 'anthropic', model: 'claude-opus', substitutes });

function roster(env: NodeJS.ProcessEnv, lists: ModelLists = new Map()): Roster {
  return { rests: new RestBook(), plan: (agent: AgentConfig) => planSeat(agent, env, lists, NOW) };
}

test('rules sits wherever it is named', () => {
  const { state, speaker } = seatStatus('critic', { adapter: 'rules' }, roster({}));
  assert.deepEqual([state, speaker.adapter], ['present', 'rules']);
});

test('with its own key a chair speaks for itself', () => {
  const { state, speaker, reason } = seatStatus('critic', chair, roster({ ANTHROPIC_API_KEY: 'a' }));
  assert.deepEqual([state, speaker.model, reason], ['present', 'claude-opus-5-5', '']);
});

test('without any key it is absent, and says once which keys would do', () => {
  const { state, reason, wayOut } = seatStatus('critic', chair, roster({}));
  assert.equal(state, 'absent');
  assert.equal(reason, 'ANTHROPIC_API_KEY, GOOGLE_API_KEY and OPENAI_API_KEY are not set');
  assert.equal(wayOut, 'set ANTHROPIC_API_KEY, GOOGLE_API_KEY or OPENAI_API_KEY');
});

test('with another vendor’s key a substitute speaks, and says why', () => {
  const { state, speaker, reason, warnings } = seatStatus('critic', chair, roster({ OPENAI_API_KEY: 'b' }));
  assert.deepEqual(
    [state, speaker.adapter, reason, warnings],
    ['substitute', 'openai', 'ANTHROPIC_API_KEY is not set', []],
  );
});

test('a key that the vendor refuses is named', () => {
  const lists: ModelLists = new Map([
    [endpointOf({ adapter: 'anthropic' }).id, { failure: 'HTTP 401', keyRefused: true }],
  ]);
  const { state, reason, wayOut } = seatStatus('critic', chair, roster({ ANTHROPIC_API_KEY: 'a' }, lists));
  assert.equal(state, 'absent');
  assert.equal(reason, 'GOOGLE_API_KEY and OPENAI_API_KEY are not set; anthropic refuses the key in ANTHROPIC_API_KEY');
  assert.equal(wayOut, 'set a valid ANTHROPIC_API_KEY, or set GOOGLE_API_KEY or OPENAI_API_KEY');
});

test('a vendor that fails empties the chair until it answers again', () => {
  const known = roster({ ANTHROPIC_API_KEY: 'a' });
  const [candidate] = known.plan(chair).candidates;
  assert.ok(candidate !== undefined);
  known.rests.failed(
    candidate,
    new ConclaveError('CVE_CHAT_UNAVAILABLE', 'anthropic claude-opus-5-5 failed (HTTP 529)'),
  );
  const away = seatStatus('critic', chair, known);
  assert.equal(away.state, 'absent');
  assert.match(away.reason, /^CVE_CHAT_UNAVAILABLE: anthropic claude-opus-5-5 failed \(HTTP 529\); GOOGLE_API_KEY and/);
  known.rests.answered(candidate);
  assert.equal(seatStatus('critic', chair, known).state, 'present');
});

test('a model that ends soon is warned of', () => {
  const ending = agentConfig.parse({ adapter: 'anthropic', model: 'claude-sonnet-4-5' });
  const { state, warnings } = seatStatus('critic', ending, roster({ ANTHROPIC_API_KEY: 'a' }));
  assert.equal(state, 'present');
  assert.match(warnings.join(), /claude-sonnet-4-5 is shut down on 2026-11-30, in 3 days/);
});

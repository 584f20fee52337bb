import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AgentConfig, agentConfig, type VendorName } from '@conclave/contracts';
import { z } from 'zod';
import { type ChatModel, createChatModel, type Roster, structured } from './index.ts';
import { openRoster } from './seats/roster.ts';
import { type StandIn, startStandIn, TODAYS_MODELS } from './testing/stand-in.ts';
import { startVendorServer } from './testing/vendor-server.ts';
import { VENDORS } from './testing/vendors.ts';

/* Every adapter against today's families: a stand-in refuses what the real vendor refuses of these models. */

const KEYS = { ANTHROPIC_API_KEY: 'a', OPENAI_API_KEY: 'b', GOOGLE_API_KEY: 'c' };
const TIER = { anthropic: 'claude-opus', openai: 'gpt', google: 'gemini-flash' } as const;

const action = z.object({
  action: z.string().min(1).max(500),
  tool: z.string().optional(),
  args: z.record(z.string(), z.unknown()).optional(),
  depends_on: z.array(z.number().int()).max(20).optional(),
});
const plan = z.object({
  text: z.string(),
  actions: z.array(action).default([]),
  done: z.object({ summary: z.string() }).optional(),
});

/** Written as strict output writes: every field, null for what is not there, free objects as text. */
const STRICT_ANSWER = JSON.stringify({
  text: 'A plan.',
  done: null,
  actions: [
    { action: 'Deploy', tool: 'deploy_model', args: '{"version":"1.0"}', depends_on: null },
    { action: 'Think', tool: null, args: null, depends_on: [1] },
  ],
});
const READ = {
  text: 'A plan.',
  actions: [
    { action: 'Deploy', tool: 'deploy_model', args: { version: '1.0' } },
    { action: 'Think', depends_on: [1] },
  ],
};

function modelOf(config: object, roster?: Roster): ChatModel {
  const model = createChatModel(agentConfig.parse(config), KEYS, roster);
  if ('absent' in model) throw new Error(model.absent);
  return model;
}

const ask = (more: object = {}) => ({
  system: 'You are the moderator.',
  messages: [{ role: 'user' as const, content: 'Plan.' }],
  maxOutputTokens: 8192,
  signal: new AbortController().signal,
  ...more,
});

const standIn = (vendor: VendorName, answer: () => string = () => STRICT_ANSWER): Promise<StandIn> =>
  startStandIn(vendor, { models: TODAYS_MODELS[vendor], answer });

for (const vendor of ['anthropic', 'openai', 'google'] as const) {
  test(`${vendor}: a structured answer of today's flagship, with nothing refused and room to think`, async () => {
    await using server = await standIn(vendor);
    const model = modelOf({ adapter: vendor, model: TIER[vendor], baseUrl: server.baseUrl });
    const { value, repaired, speaker } = await structured(model, ask(), plan);
    assert.deepEqual([value, repaired], [READ, false]);
    assert.deepEqual(speaker, { adapter: vendor, model: Object.keys(TODAYS_MODELS[vendor])[0] });
    assert.deepEqual([server.refusals, server.received.length], [[], 1]);
  });

  test(`${vendor}: each outage hands over to the substitute at once, and the next turn does not pay for it again`, async () => {
    for (const outage of ['refuses_connections', 'fails', 'overloaded', 'refuses_keys', 'hangs'] as const) {
      const other = vendor === 'anthropic' ? 'openai' : 'anthropic';
      await using server = await standIn(vendor);
      await using second = await standIn(other);
      server.outage = outage;
      const model = modelOf({
        ...{ adapter: vendor, model: TIER[vendor], baseUrl: server.baseUrl, timeoutSeconds: 0.5 },
        substitutes: [{ adapter: other, model: TIER[other], baseUrl: second.baseUrl }],
      });
      const first = await structured(model, ask(), plan);
      assert.equal(first.speaker.adapter, other, outage);
      assert.equal(model.speaker.adapter, other, 'who would speak now');
      const startedAt = performance.now();
      await structured(model, ask(), plan);
      assert.ok(performance.now() - startedAt < 400, outage);
    }
  });

  test(`${vendor}: an id that the vendor no longer serves hands over to the next of the tier`, async () => {
    const [newest = '', ...older] = Object.keys(TODAYS_MODELS[vendor]);
    const models = Object.fromEntries(older.map((id) => [id, null]));
    await using server = await startStandIn(vendor, {
      models: vendor === 'openai' ? { 'gpt-5.6-sol': null } : models,
      answer: () => STRICT_ANSWER,
    });
    const model = modelOf({ adapter: vendor, model: TIER[vendor], baseUrl: server.baseUrl });
    const { speaker } = await structured(model, ask(), plan);
    assert.notEqual(speaker.model, newest);
    const before = server.received.length;
    await structured(model, ask(), plan);
    assert.equal(server.received.length, before + 1, 'what is gone is not asked again');
  });

  test(`${vendor}: the list asked at start decides who speaks, and nobody waits for it`, async () => {
    const list =
      vendor === 'openai'
        ? { 'gpt-5.6-sol': null }
        : Object.fromEntries(
            Object.keys(TODAYS_MODELS[vendor])
              .slice(1)
              .map((id) => [id, null]),
          );
    await using server = await startStandIn(vendor, { models: list, answer: () => STRICT_ANSWER });
    const agent: AgentConfig = agentConfig.parse({ adapter: vendor, model: TIER[vendor], baseUrl: server.baseUrl });
    const { promise: listed, resolve } = Promise.withResolvers<void>();
    const roster = openRoster([agent], KEYS, { now: () => new Date('2026-11-27'), onLists: () => resolve() });
    assert.equal(roster.plan(agent).chosen?.state, 'unverified');
    await listed;
    const model = modelOf(agent, roster);
    const { speaker } = await structured(model, ask(), plan);
    assert.ok(Object.hasOwn(list, speaker.model), speaker.model);
    assert.equal(server.received.length, 1, 'the unlisted one was not asked');
    roster.stop();
  });
}

test('a gateway that only knows the other limit is asked once more, and from then on in its own words', async () => {
  const refusal = {
    status: 400,
    body: { error: { message: "Unknown parameter: 'max_completion_tokens'.", param: 'max_completion_tokens' } },
  };
  const openai = VENDORS.find(({ adapter }) => adapter === 'openai');
  assert.ok(openai);
  await using server = await startVendorServer([refusal, openai.says(STRICT_ANSWER)]);
  const model = modelOf({ adapter: 'openai', model: 'openai/gpt-6.1-sol', baseUrl: `${server.url}/v1` });
  await structured(model, ask(), plan);
  await structured(model, ask(), plan);
  const limits = server.received.map(({ body }) => Object.keys(Object(body)).filter((name) => name.startsWith('max_')));
  assert.deepEqual(limits, [['max_completion_tokens'], ['max_tokens'], ['max_tokens']]);
  assert.ok(server.received.every(({ body }) => !('temperature' in Object(body))));
});

test('a server that knows no schema is asked by JSON mode, and one that knows neither in words', async () => {
  const refusal = (message: string) => ({ status: 400, body: { error: { message } } });
  const openai = VENDORS.find(({ adapter }) => adapter === 'openai');
  assert.ok(openai);
  await using server = await startVendorServer([
    refusal('response_format.type must be json_object'),
    refusal('response_format is not supported'),
    openai.says(STRICT_ANSWER),
  ]);
  const model = modelOf({ adapter: 'openai', model: 'qwen3', baseUrl: `${server.url}/v1` });
  const { value } = await structured(model, ask(), plan);
  assert.deepEqual(value, READ);
  await structured(model, ask(), plan);
  const formats = server.received.map(({ body }) => Object(Object(body).response_format).type);
  assert.deepEqual(formats, ['json_schema', 'json_object', undefined, undefined]);
  assert.match(JSON.stringify(server.received[2]?.body), /must satisfy this JSON Schema/);
});

test('a model that hangs leaves its substitute time before the caller has none left', async () => {
  await using server = await standIn('anthropic');
  await using second = await standIn('google');
  server.outage = 'hangs';
  const model = modelOf({
    ...{ adapter: 'anthropic', model: 'claude-opus', baseUrl: server.baseUrl, timeoutSeconds: 600 },
    substitutes: [{ adapter: 'google', model: 'gemini-flash', baseUrl: second.baseUrl }],
  });
  const { speaker } = await structured(model, ask({ endsAt: performance.now() + 1500 }), plan);
  assert.equal(speaker.adapter, 'google');
});

test('when nobody answers, the error names everybody, and a vendor that hung is not waited for again', async () => {
  await using one = await standIn('anthropic');
  await using other = await standIn('openai');
  one.outage = 'hangs';
  other.outage = 'fails';
  const model = modelOf({
    ...{ adapter: 'anthropic', model: 'claude-opus', baseUrl: one.baseUrl, timeoutSeconds: 0.3 },
    substitutes: [{ adapter: 'openai', model: 'gpt', baseUrl: other.baseUrl }],
  });
  await assert.rejects(
    model.complete(ask()),
    /^ConclaveError: CVE_CHAT_UNAVAILABLE: .*claude-opus-5-5 gave no answer.*gpt-6.1-sol failed \(HTTP 500\)/,
  );
  other.outage = undefined;
  const { speaker } = await model.complete(ask());
  assert.equal(speaker?.adapter, 'openai', 'who failed for a moment is asked again where nobody else is left');
});

for (const vendor of VENDORS) {
  for (const [what, megabytes] of [
    ['two', 2],
    ['eight', 8],
  ] as const) {
    test(`${vendor.sdk ?? vendor.adapter}: an answer of ${what} megabytes is refused before it is parsed`, async () => {
      await using server = await startVendorServer([
        vendor.says(JSON.stringify({ text: 'x'.repeat(megabytes * 1024 * 1024), actions: [] })),
      ]);
      const model = modelOf({
        adapter: vendor.adapter,
        sdk: vendor.sdk,
        model: 'm',
        baseUrl: vendor.baseUrl(server.url),
      });
      await assert.rejects(structured(model, ask(), plan), /CVE_CHAT_OUTPUT_INVALID: .* at most 262144 are taken/);
      assert.equal(server.received.length, 1, 'it is not paid for twice');
    });
  }
}

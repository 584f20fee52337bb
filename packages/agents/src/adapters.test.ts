import assert from 'node:assert/strict';
import { test } from 'node:test';
import { agentConfig, type ErrorCode, isConclaveError } from '@conclave/contracts';
import { z } from 'zod';
import type { ChatModel, ChatRequest } from './chat-model.ts';
import { createChatModel } from './create.ts';
import { structured } from './structured.ts';
import { type Reply, startVendorServer, type VendorServer } from './testing/vendor-server.ts';
import { VENDORS, type Vendor } from './testing/vendors.ts';

const KEY = 'sk-secret-of-the-test';

/** The contract that every adapter keeps, over the real SDK and HTTP. */
function modelOf(vendor: Vendor, url: string, timeoutSeconds = 20): ChatModel {
  const config = agentConfig.parse({
    adapter: vendor.adapter,
    sdk: vendor.sdk,
    model: 'test-model',
    apiKeyEnv: 'TEST_KEY',
    baseUrl: vendor.baseUrl(url),
    timeoutSeconds,
  });
  const model = createChatModel(config, { TEST_KEY: KEY });
  if ('absent' in model) throw new Error(model.absent);
  return model;
}

function ask(change: Partial<ChatRequest> = {}): ChatRequest {
  return {
    system: 'You are the critic.',
    messages: [{ role: 'user', content: 'Say ok.' }],
    maxOutputTokens: 100,
    signal: new AbortController().signal,
    ...change,
  };
}

async function failsWith(code: ErrorCode, work: Promise<unknown>): Promise<void> {
  await assert.rejects(work, (error) => {
    assert.ok(isConclaveError(error, code), String(error));
    assert.ok(!JSON.stringify([error.message, error.stack, error.cause]).includes('sk-secret'), 'no key in an error');
    return true;
  });
}

const verdict = z.object({ text: z.string(), vote: z.enum(['go', 'no_go']) });
const VALID = '{"text":"fine","vote":"go"}';
const INVALID = '{"text":"fine","vote":"perhaps"}';

for (const vendor of VENDORS) {
  const contract = (name: string, replies: readonly Reply[], check: (server: VendorServer) => Promise<void>): void => {
    test(`${vendor.sdk ?? vendor.adapter}: ${name}`, async () => {
      await using server = await startVendorServer(replies);
      await check(server);
    });
  };

  contract('an answer comes with its text and usage', [vendor.says('ok')], async (server) => {
    const model = modelOf(vendor, server.url);
    const answer = await model.complete(ask({ idempotencyKey: 'meeting-1:statement:critic' }));
    assert.deepEqual(answer, { text: 'ok', usage: { inputTokens: 12, outputTokens: 5 }, speaker: model.speaker });
    assert.deepEqual(model.speaker, { adapter: vendor.adapter, model: 'test-model' });
    const [received] = server.received;
    assert.ok(received !== undefined);
    assert.equal(vendor.keyOf(received), KEY);
    assert.ok(!received.path.includes(KEY), 'the key is not in the URL');
    const wire = JSON.stringify(received.body);
    assert.ok(wire.includes('You are the critic.') && wire.includes('Say ok.'));
    const sent = received.headers['idempotency-key'];
    assert.equal(sent, vendor.sentIdempotencyKey ? 'meeting-1:statement:critic' : undefined);
  });

  contract('a rate limit says how long to wait, after one call', [vendor.limits(7)], async (server) => {
    const work = modelOf(vendor, server.url).complete(ask());
    await assert.rejects(work, (error) => isConclaveError(error) && error.retryAfterMs === 7000);
    await failsWith('CVE_CHAT_RATE_LIMITED', work);
    assert.equal(server.received.length, 1, 'no retry of the SDK');
  });

  contract('a broken server is unavailable, after one call', [vendor.fails(500)], async (server) => {
    await failsWith('CVE_CHAT_UNAVAILABLE', modelOf(vendor, server.url).complete(ask()));
    assert.equal(server.received.length, 1);
  });

  contract('an overloaded server is unavailable', [vendor.fails(529)], async (server) => {
    await failsWith('CVE_CHAT_UNAVAILABLE', modelOf(vendor, server.url).complete(ask()));
  });

  contract('a wrong key is a wrong configuration', [vendor.fails(401)], async (server) => {
    await failsWith('CVE_CHAT_NOT_CONFIGURED', modelOf(vendor, server.url).complete(ask()));
  });

  contract('an unknown model is a wrong configuration', [vendor.fails(404)], async (server) => {
    await failsWith('CVE_CHAT_NOT_CONFIGURED', modelOf(vendor, server.url).complete(ask()));
  });

  contract('a refusal is told as such', [vendor.refuses()], async (server) => {
    await failsWith('CVE_CHAT_REFUSED', modelOf(vendor, server.url).complete(ask()));
  });

  contract('an answer that was cut off names the limit', [vendor.cutsOff('o')], async (server) => {
    const work = modelOf(vendor, server.url).complete(ask());
    await assert.rejects(work, /cut off at maxOutputTokens 100 .*raise it/);
    await failsWith('CVE_CHAT_OUTPUT_INVALID', work);
  });

  contract('an answer that is no JSON is unavailable', [{ status: 200, body: '<html>' }], async (server) => {
    await failsWith('CVE_CHAT_UNAVAILABLE', modelOf(vendor, server.url).complete(ask()));
  });

  contract('silence ends in a timeout', ['hang'], async (server) => {
    await failsWith('CVE_CHAT_TIMEOUT', modelOf(vendor, server.url, 0.2).complete(ask()));
  });

  contract('a cancelled call ends at once', ['hang'], async (server) => {
    const cancel = new AbortController();
    const work = modelOf(vendor, server.url).complete(ask({ signal: cancel.signal }));
    cancel.abort();
    await failsWith('CVE_CANCELLED', work);
  });

  test(`${vendor.sdk ?? vendor.adapter}: an address where nobody listens is unavailable`, async () => {
    const gone = await startVendorServer([]);
    await gone[Symbol.asyncDispose]();
    await failsWith('CVE_CHAT_UNAVAILABLE', modelOf(vendor, gone.url).complete(ask()));
  });

  contract('a structured answer is validated', [vendor.says(VALID)], async (server) => {
    const { value, repaired } = await structured(modelOf(vendor, server.url), ask(), verdict);
    assert.deepEqual([value, repaired], [{ text: 'fine', vote: 'go' }, false]);
    assert.match(JSON.stringify(server.received[0]?.body), /no_go/, 'the schema is sent');
  });

  contract('an invalid answer is repaired once', [vendor.says(INVALID), vendor.says(VALID)], async (server) => {
    const { value, repaired, usage } = await structured(modelOf(vendor, server.url), ask(), verdict);
    assert.deepEqual([value.vote, repaired], ['go', true]);
    assert.deepEqual(usage, { inputTokens: 24, outputTokens: 10 });
    const wire = JSON.stringify(server.received[1]?.body);
    assert.match(wire, /perhaps/, 'the model sees what it said');
    assert.match(wire, /vote: Invalid option/, 'and what is wrong with it');
  });

  contract('an answer that stays invalid is an error', [vendor.says('I think so')], async (server) => {
    await failsWith('CVE_CHAT_OUTPUT_INVALID', structured(modelOf(vendor, server.url), ask(), verdict));
    assert.equal(server.received.length, 2);
  });

  contract(
    'an answer that was cut off is not taken, even where it parses, and a shorter one is asked for',
    [vendor.cutsOff(VALID), vendor.says(VALID)],
    async (server) => {
      const { repaired, usage } = await structured(modelOf(vendor, server.url), ask(), verdict);
      assert.deepEqual([repaired, usage], [true, { inputTokens: 24, outputTokens: 10 }]);
      assert.match(JSON.stringify(server.received[1]?.body), /cut off at 100 output tokens.*much shorter/);
    },
  );

  contract('an answer that is cut off again is an error', [vendor.cutsOff('{"text":"fi')], async (server) => {
    const work = structured(modelOf(vendor, server.url), ask(), verdict);
    await assert.rejects(work, /cut off at maxOutputTokens 100/);
    await failsWith('CVE_CHAT_OUTPUT_INVALID', work);
    assert.equal(server.received.length, 2);
  });
}

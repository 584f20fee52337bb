import assert from 'node:assert/strict';
import { test } from 'node:test';
import { agentConfig } from '@conclave/contracts';
import { createChatModel } from './create.ts';

const reasonOf = (config: object, env: NodeJS.ProcessEnv = {}): string | undefined => {
  const created = createChatModel(agentConfig.parse(config), env);
  return 'absent' in created ? created.absent : undefined;
};

test('an agent without its key is absent and names the variable', () => {
  assert.match(reasonOf({ adapter: 'anthropic', model: 'm', apiKeyEnv: 'MY_KEY' }) ?? '', /MY_KEY is not set/);
  assert.match(reasonOf({ adapter: 'openai', model: 'm' }) ?? '', /OPENAI_API_KEY is not set/);
  assert.match(reasonOf({ adapter: 'google', model: 'm' }, { GOOGLE_API_KEY: ' ' }) ?? '', /GOOGLE_API_KEY is not set/);
});

test('an endpoint of one own needs a key only where one is named', () => {
  const own = { adapter: 'openai', model: 'qwen3', baseUrl: 'http://127.0.0.1:11434/v1' };
  assert.equal(reasonOf(own), undefined);
  assert.match(reasonOf({ ...own, apiKeyEnv: 'OWN_KEY' }) ?? '', /OWN_KEY is not set/);
});

test('rules is no language model', () => {
  assert.match(reasonOf({ adapter: 'rules' }) ?? '', /no language model/);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { agentConfig, ConclaveError } from '@conclave/contracts';
import { failureOf } from '../failures.ts';
import { planSeat } from './plan-seat.ts';
import { RestBook } from './rest-book.ts';

const agent = agentConfig.parse({ adapter: 'openai', model: 'gpt' });
const [newest, older] = planSeat(agent, { OPENAI_API_KEY: 'k' }, new Map(), new Date()).candidates;
assert.ok(newest && older);
const speaker = { adapter: 'openai', model: 'm' } as const;
const failed = (status: number | undefined, retryAfterMs?: number): ConclaveError =>
  failureOf({ speaker, status, retryAfterMs, cause: undefined });

test('a vendor that failed steps back for half a minute, with all its models; an answer ends that at once', () => {
  let now = 0;
  const book = new RestBook(() => now);
  assert.equal(book.failed(newest, failed(500)), 'vendor');
  assert.deepEqual([book.restOf(newest)?.how, book.restOf(older)?.how], ['behind', 'behind']);
  book.answered(older);
  assert.equal(book.restOf(newest), undefined);
  book.failed(newest, failed(undefined));
  now = 30_001;
  assert.equal(book.restOf(newest), undefined);
});

test('a rate limit rests as long as the vendor asks', () => {
  let now = 0;
  const book = new RestBook(() => now);
  book.failed(newest, failed(429, 90_000));
  now = 89_000;
  assert.ok(book.restOf(newest));
  now = 90_001;
  assert.equal(book.restOf(newest), undefined);
});

test('a refused key rests the vendor, an unknown model itself, a refused request nobody', () => {
  const book = new RestBook(() => 0);
  assert.equal(book.failed(newest, failed(400)), 'request');
  assert.equal(book.restOf(newest), undefined);
  assert.equal(book.failed(newest, failed(404)), 'model');
  assert.deepEqual([book.restOf(newest)?.how, book.restOf(older)], ['firm', undefined]);
  assert.equal(book.failed(newest, failed(401)), 'vendor');
  assert.equal(book.restOf(older)?.how, 'firm');
});

test('who hung is asked last, but asked: one slow answer does not empty the other chairs', () => {
  const book = new RestBook(() => 0);
  book.failed(newest, new ConclaveError('CVE_CHAT_TIMEOUT', 'no answer'));
  assert.equal(book.restOf(older)?.how, 'last');
});

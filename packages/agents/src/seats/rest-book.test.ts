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
  assert.deepEqual([book.restOf(newest)?.isFirm, book.restOf(older)?.isFirm], [false, false]);
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

test('a timeout and a refused key rest the vendor firmly, an unknown model only itself', () => {
  const book = new RestBook(() => 0);
  assert.equal(book.failed(newest, failed(404)), 'model');
  assert.deepEqual([book.restOf(newest)?.isFirm, book.restOf(older)], [true, undefined]);
  assert.equal(book.failed(newest, failed(401)), 'vendor');
  assert.equal(book.restOf(older)?.isFirm, true);
  const other = new RestBook(() => 0);
  other.failed(newest, new ConclaveError('CVE_CHAT_TIMEOUT', 'no answer'));
  assert.equal(other.restOf(older)?.isFirm, true);
});

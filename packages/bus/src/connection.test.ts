import assert from 'node:assert/strict';
import { it } from 'node:test';
import { ErrorCode, NatsError } from 'nats';
import { requestUntilServed } from './connection.ts';
import { standStill } from './testing/index.ts';

it('asks nothing any more when there is no time left to hear the answer', async () => {
  let asked = 0;
  const asking = requestUntilServed(250, async () => {
    asked++;
    setTimeout(() => standStill(300), 0);
    throw new NatsError('nobody serves it', ErrorCode.NoResponders);
  });
  await assert.rejects(asking, { code: ErrorCode.NoResponders });
  assert.equal(asked, 1);
});

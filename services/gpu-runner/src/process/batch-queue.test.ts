import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ConclaveError } from '@conclave/contracts';
import { fakeClock } from '@conclave/service';
import type { Query } from '../retrieval/query-encoder.ts';
import type { Retrieved } from '../statistics/ndcg.ts';
import { BatchQueue } from './batch-queue.ts';

const options = { maxBatch: 3, maxBatchWaitMs: 60_000, maxQueue: 4, requestTimeoutMs: 60_000 };

/** A model that answers when it is told to, each query with k documents named after it. */
function slowModel() {
  const batches: { queries: readonly Query[]; k: number; answer(): void; fail(error: Error): void }[] = [];
  const run = (queries: readonly Query[], k: number) => {
    const { promise, resolve, reject } = Promise.withResolvers<Retrieved[][]>();
    const answers = queries.map((query) => Array.from({ length: k }, (_, i) => ({ id: `${query}${i}`, score: -i })));
    batches.push({ queries, k, answer: () => resolve(answers), fail: reject });
    return promise;
  };
  return { run, batches };
}

const ids = (answers: Retrieved[][]) => answers.map((answer) => answer.map(({ id }) => id).join(' '));

describe('dynamic batching', () => {
  it('starts when a batch is full, and gives everyone their own answer', async () => {
    const model = slowModel();
    const queue = new BatchQueue(options, model.run);
    const one = queue.submit(['a'], 1);
    assert.equal(model.batches.length, 0);
    const two = queue.submit(['b', 'c'], 2);
    assert.deepEqual(model.batches[0]?.queries, ['a', 'b', 'c']);
    assert.equal(model.batches[0]?.k, 2);
    model.batches[0]?.answer();
    assert.deepEqual(ids(await one), ['a0']);
    assert.deepEqual(ids(await two), ['b0 b1', 'c0 c1']);
  });

  it('starts when the oldest request has waited long enough', async () => {
    const clock = fakeClock();
    const model = slowModel();
    const queue = new BatchQueue({ ...options, maxBatchWaitMs: 5 }, model.run, clock);
    const one = queue.submit(['a'], 1);
    clock.advance(4);
    assert.equal(model.batches.length, 0);
    clock.advance(1);
    assert.equal(model.batches.length, 1);
    model.batches[0]?.answer();
    await one;
  });

  it('forms the next batch of what arrives while one runs, at most maxBatch', async () => {
    const model = slowModel();
    const queue = new BatchQueue({ ...options, maxBatchWaitMs: 0 }, model.run);
    const first = queue.submit(['a'], 1);
    const rest = ['b', 'c', 'd', 'e'].map((query) => queue.submit([query], 1));
    model.batches[0]?.answer();
    await first;
    await new Promise(setImmediate);
    assert.deepEqual(model.batches[1]?.queries, ['b', 'c', 'd']);
    model.batches[1]?.answer();
    await Promise.all(rest.slice(0, 3));
    await new Promise(setImmediate);
    assert.deepEqual(model.batches[2]?.queries, ['e']);
    model.batches[2]?.answer();
    await Promise.all(rest);
  });

  it('refuses what does not fit into the queue, but takes one large request', async () => {
    const model = slowModel();
    const queue = new BatchQueue({ ...options, maxBatchWaitMs: 0 }, model.run);
    const large = queue.submit(['1', '2', '3', '4', '5', '6'], 1);
    const waiting = queue.submit(['a', 'b', 'c', 'd'], 1);
    await assert.rejects(queue.submit(['e'], 1), { code: 'CVE_INFER_OVERLOADED', retry: 'retryable' });
    queue.rejectAll(new Error('over'));
    await assert.rejects(large, /over/);
    await assert.rejects(waiting, /over/);
  });

  it('gives a request up after its time and leaves the others alone', async () => {
    const clock = fakeClock();
    const model = slowModel();
    const queue = new BatchQueue({ ...options, maxBatchWaitMs: 0, requestTimeoutMs: 100 }, model.run, clock);
    const running = queue.submit(['a'], 1);
    clock.advance(50);
    const waiting = queue.submit(['b'], 1);
    clock.advance(50);
    await assert.rejects(running, { code: 'CVE_INFER_FAILED' });
    model.batches[0]?.answer();
    await new Promise(setImmediate);
    assert.deepEqual(model.batches[1]?.queries, ['b']);
    model.batches[1]?.answer();
    assert.deepEqual(ids(await waiting), ['b0']);
  });

  it('rejects a batch as a whole when the model fails, and goes on', async () => {
    const model = slowModel();
    const queue = new BatchQueue({ ...options, maxBatch: 2 }, model.run);
    const batch = [queue.submit(['a'], 1), queue.submit(['b'], 1)];
    model.batches[0]?.fail(new Error('broken'));
    for (const one of batch) await assert.rejects(one, /broken/);
    const next = queue.submit(['c', 'd'], 1);
    model.batches[1]?.answer();
    assert.deepEqual(ids(await next), ['c0', 'd0']);
  });

  it('runs the requests of a batch singly when one of its queries may be what failed it', async () => {
    for (const code of ['CVE_INFER_FAILED', 'CVE_INFER_INVALID'] as const) {
      const model = slowModel();
      const queue = new BatchQueue(options, model.run);
      const [good, bad] = [queue.submit(['a', 'b'], 1), queue.submit(['c'], 2)];
      const refused = assert.rejects(bad, { code });
      model.batches[0]?.fail(new ConclaveError(code, 'not finite'));
      await new Promise(setImmediate);
      assert.deepEqual([model.batches[1]?.queries, model.batches[1]?.k], [['a', 'b'], 1]);
      model.batches[1]?.answer();
      assert.deepEqual(ids(await good), ['a0', 'b0']);
      await new Promise(setImmediate);
      assert.deepEqual(model.batches[2]?.queries, ['c']);
      model.batches[2]?.fail(new ConclaveError(code, 'not finite'));
      await refused;
      await new Promise(setImmediate);
      assert.equal(model.batches.length, 3);
    }
  });

  it('runs nothing again once all was rejected', async () => {
    const model = slowModel();
    const queue = new BatchQueue(options, model.run);
    const batch = [queue.submit(['a'], 1), queue.submit(['b', 'c'], 1)];
    const crashed = new ConclaveError('CVE_INFER_FAILED', 'crashed');
    model.batches[0]?.fail(crashed);
    queue.rejectAll(crashed);
    for (const one of batch) await assert.rejects(one, crashed);
    await new Promise(setImmediate);
    assert.equal(model.batches.length, 1);
  });

  it('gives a slow model small batches, and refuses at once what would expire before its answer', async () => {
    const clock = fakeClock();
    const model = slowModel();
    const queue = new BatchQueue(
      { ...options, maxBatch: 8, maxQueue: 50, maxBatchWaitMs: 0, requestTimeoutMs: 4000 },
      model.run,
      clock,
    );
    const first = queue.submit(['a'], 1);
    const waiting = ['b', 'c', 'd'].map((query) => queue.submit([query], 1));
    const late = assert.rejects(queue.submit(['e'], 1), { code: 'CVE_INFER_OVERLOADED' });
    clock.advance(1000);
    model.batches[0]?.answer();
    await first;
    await new Promise(setImmediate);
    // Learnt so far: 300 ms a query. A quarter of 4000 ms has room for three.
    assert.deepEqual(model.batches[1]?.queries, ['b', 'c', 'd']);
    clock.advance(2900);
    model.batches[1]?.answer();
    await Promise.all(waiting);
    await late;
    assert.equal(model.batches.length, 2);
  });

  it('tries a request that has its time before it, however slow the model was', async () => {
    const clock = fakeClock();
    const model = slowModel();
    const queue = new BatchQueue({ ...options, maxBatchWaitMs: 0, requestTimeoutMs: 4000 }, model.run, clock);
    for (let run = 0; run < 20; run++) {
      const one = assert.rejects(queue.submit(['a'], 1), { code: 'CVE_INFER_FAILED' });
      clock.advance(30_000);
      model.batches[run]?.answer();
      await one;
      await new Promise(setImmediate);
    }
    const quick = queue.submit(['a'], 1);
    model.batches[20]?.answer();
    assert.deepEqual(ids(await quick), ['a0']);
  });
});

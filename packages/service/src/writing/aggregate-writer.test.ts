import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { type Journal, openJournal } from '@conclave/bus';
import { freeze, startTestBus, type TestBus, until } from '@conclave/bus/testing';
import { aggregates, type EvaluationEvent, isConclaveError, type RawEvent, subjects } from '@conclave/contracts';
import { foldEvaluation, initialEvaluation } from '@conclave/core';
import { followWorld } from '../world-follower.ts';
import { type AggregateWriter, type WritePolicy, writeAggregate, writeWorld } from './aggregate-writer.ts';
import { openAggregate, readAggregate } from './read-aggregate.ts';

const at = '2026-01-01T00:00:00.000Z';

function progressed(id: string, done: number): EvaluationEvent {
  return { id, type: 'evaluation.progressed', at, data: { done, total: 100 } };
}
const UNREADABLE: RawEvent = { id: 'odd', type: 'evaluation.teleported', at, data: {} };

/** How many commits there are, and how far they say that the evaluation is. */
interface Counted {
  readonly commits: number;
  readonly done: number;
}

suite('a writer of one aggregate', () => {
  let bench: TestBus;
  let journal: Journal;
  before(async () => {
    bench = await startTestBus();
    journal = openJournal(bench.bus, { by: 'writer-0' });
  });
  after(() => bench[Symbol.asyncDispose]());

  const foldOf = {
    initial: { commits: 0, done: 0 } as Counted,
    fold: ({ commits, done }: Counted, { events }: { readonly events: readonly EvaluationEvent[] }): Counted => ({
      commits: commits + 1,
      done: events.reduce((last, event) => (event.type === 'evaluation.progressed' ? event.data.done : last), done),
    }),
    unread: 'refuse',
  } as const;
  const write = async (id: string, policy?: WritePolicy, by = journal): Promise<AggregateWriter<Counted>> =>
    writeAggregate(by, await openAggregate(by, aggregates.evaluation(id), foldOf), policy);
  const recorded = async (id: string): Promise<string[]> =>
    (await journal.read(aggregates.evaluation(id))).flatMap(({ events }) => events.map((event) => event.id));

  test('has what it committed in its state, without reading again', async () => {
    let reads = 0;
    const counting: Journal = {
      ...journal,
      read(...args) {
        reads++;
        return journal.read(...args);
      },
    };
    const writer = await write('plain', {}, counting);
    for (const done of [1, 2, 3]) {
      const events = await writer.commit(({ commits }) => [progressed(`p${commits + 1}`, done)]);
      assert.deepEqual(events, [progressed(`p${done}`, done)]);
      assert.deepEqual(writer.state, { commits: done, done });
    }
    assert.equal(reads, 1);
  });

  test('decides one at a time, each from a state that includes the one before', async () => {
    const writer = await write('queue');
    const all = Array.from({ length: 10 }, () => writer.commit(({ commits }) => [progressed(`q${commits}`, commits)]));
    await Promise.all(all);
    assert.deepEqual(
      await recorded('queue'),
      all.map((_, index) => `q${index}`),
    );
  });

  test('appends nothing where nothing is decided, and goes on after a decision that throws', async () => {
    const writer = await write('nothing');
    assert.deepEqual(await writer.commit(() => []), []);
    const failing = writer.commit(() => {
      throw new Error('no');
    });
    const next = writer.commit(() => [progressed('n1', 1)]);
    await assert.rejects(failing, /no/);
    await next;
    assert.deepEqual(await recorded('nothing'), ['n1']);
  });

  test("decides anew after another writer's commit, from a state that includes it", async () => {
    const [one, other] = [await write('conflict'), await write('conflict')];
    await other.commit(() => [progressed('other', 40)]);
    const seen: number[] = [];
    await one.commit(({ done }) => {
      seen.push(done);
      return done < 40 ? [progressed('stale', 1)] : [progressed('own', 41)];
    });
    assert.deepEqual(seen, [0, 40]);
    assert.deepEqual(await recorded('conflict'), ['other', 'own']);
    assert.deepEqual(one.state, { commits: 2, done: 41 });
  });

  test('gives up at the first conflict where another has taken over', async () => {
    const one = await write('taken', { onConflict: 'give_up' });
    await (await write('taken')).commit(() => [progressed('other', 1)]);
    let decided = 0;
    const commit = one.commit(() => {
      decided++;
      return [progressed('own', 2)];
    });
    await assert.rejects(commit, { code: 'CVE_JOURNAL_CONFLICT' });
    assert.equal(decided, 1);
    assert.deepEqual(await recorded('taken'), ['other']);
  });

  test('gives up in the end where somebody always comes first, and says on what', async () => {
    const one = await write('unlucky');
    const other = await write('unlucky');
    let tries = 0;
    const always: Journal = {
      ...journal,
      async append(...args) {
        tries++;
        await other.commit(({ commits }) => [progressed(`other-${commits}`, commits)]);
        return journal.append(...args);
      },
    };
    const unlucky = await write('unlucky', {}, always);
    await assert.rejects(
      unlucky.commit(() => [progressed('own', 1)]),
      /CVE_JOURNAL_CONFLICT: evaluations\/unlucky changed 20/,
    );
    assert.equal(tries, 20);
    await one.commit(() => [progressed('after', 1)]);
    assert.equal((await recorded('unlucky')).at(-1), 'after');
  });

  test("takes a commit with the same ids for its own, and has the stored one's content", async () => {
    const one = await write('same');
    await (await write('same')).commit(() => [progressed('same', 7)]);
    await one.commit(() => [progressed('same', 8)]);
    assert.deepEqual(await recorded('same'), ['same']);
    assert.deepEqual(one.state, { commits: 1, done: 7 });
  });

  test('writes behind a message that does not count, as if it were not there', async () => {
    const writer = await write('forged');
    await writer.commit(() => [progressed('f1', 1)]);
    bench.bus.publishCore(
      subjects.journal(aggregates.evaluation('forged')),
      JSON.stringify({ by: 'x', events: [progressed('forgery', 99)] }),
    );
    const { seq = 0 } = (await journal.read(aggregates.evaluation('forged'))).at(-1) ?? {};
    await until(async () => (await journal.head(aggregates.evaluation('forged'))) > seq, 'the forgery is stored');
    let decided = 0;
    await writer.commit(() => {
      decided++;
      return [progressed('f2', 2)];
    });
    await writer.commit(() => [progressed('f3', 3)]);
    assert.equal(decided, 1);
    assert.deepEqual(writer.state, { commits: 3, done: 3 });
    assert.deepEqual(await recorded('forged'), ['f1', 'f2', 'f3']);
  });

  test('appends nothing past its guard, also when that closes while it is decided', async () => {
    let isOpen = true;
    const guard = (): void => {
      if (!isOpen) throw new Error('the lease is lost');
    };
    const writer = await write('guarded', { guard, fence: 7 });
    await writer.commit(() => [progressed('g1', 1)]);
    const closing = writer.commit(() => {
      isOpen = false;
      return [progressed('g2', 2)];
    });
    let decided = 0;
    const closed = writer.commit(() => {
      decided++;
      return [progressed('g3', 3)];
    });
    await assert.rejects(closing, /the lease is lost/);
    await assert.rejects(closed, /the lease is lost/);
    assert.equal(decided, 0);
    const commits = await journal.read(aggregates.evaluation('guarded'));
    assert.deepEqual(
      commits.map(({ fence, events }) => [fence, events[0]?.id]),
      [[7, 'g1']],
    );
  });

  test('appends unconditionally whatever came in between, and knows it afterwards', async () => {
    const writer = await write('any');
    await (await write('any')).commit(() => [progressed('other', 5)]);
    let decided = 0;
    await writer.commit(
      () => {
        decided++;
        return [progressed('own', 6)];
      },
      { unconditionally: true },
    );
    assert.equal(decided, 1);
    assert.deepEqual(await recorded('any'), ['other', 'own']);
    assert.deepEqual(writer.state, { commits: 2, done: 6 });
  });

  test('of two that race over fifty commits, nothing is lost and nothing doubled', async () => {
    const connected = await bench.connect();
    const [one, other] = [await write('race'), await write('race', {}, openJournal(connected, { by: 'writer-1' }))];
    const run = async (writer: AggregateWriter<Counted>, name: string): Promise<void> => {
      for (let count = 0; count < 25; count++)
        await writer.commit(({ commits, done }) => {
          assert.equal(done, commits, 'decided from everything that stands there');
          return [progressed(`${name}-${count}`, commits + 1)];
        });
    };
    await Promise.all([run(one, 'one'), run(other, 'other')]);
    const ids = await recorded('race');
    for (const name of ['one', 'other'])
      assert.deepEqual(
        ids.filter((id) => id.startsWith(`${name}-`)),
        Array.from({ length: 25 }, (_, count) => `${name}-${count}`),
      );
    assert.equal(ids.length, 50);
    await Promise.all([one.commit(() => []), other.commit(() => [])]);
    assert.deepEqual(await readAggregate(journal, aggregates.evaluation('race'), foldOf), { commits: 50, done: 50 });
  });

  test('decides nothing on what it cannot read, unless nothing is decided about it', async () => {
    const aggregate = aggregates.evaluation('unread');
    await journal.append(aggregate, 0, [progressed('u1', 1)]);
    await journal.append(aggregate, 'any', [UNREADABLE]);
    await assert.rejects(readAggregate(journal, aggregate, foldOf), /evaluation\.teleported/);
    const own = await openAggregate(journal, aggregate, {
      initial: initialEvaluation('unread'),
      fold: foldEvaluation,
      unread: 'pass_over',
    });
    assert.equal(own.state.progress?.done, 1);
    const writer = writeAggregate(journal, own);
    await assert.rejects(
      writer.commit(() => [progressed('u2', 2)]),
      (error) => isConclaveError(error, 'CVE_JOURNAL_UNKNOWN_EVENT') && /evaluations\/unread/.test(error.message),
    );
    await writer.commit(() => [progressed('u2', 2)], { evenUnread: true });
    assert.equal(writer.state.progress?.done, 2);
  });

  test('from the followed world, does the same', async () => {
    const follower = await followWorld({ journal, onError: (error) => assert.fail(String(error)) });
    await follower.ready();
    const writer = writeWorld(journal, follower, { fence: 3 });
    const aggregate = aggregates.evaluation('world');
    await (await write('world')).commit(() => [progressed('w1', 1)]);
    await Promise.all(
      [2, 3].map((done) =>
        writer.commit(aggregate, ({ evaluations }) => [
          progressed(`w${done}-after-${evaluations.world?.progress?.done}`, done),
        ]),
      ),
    );
    assert.deepEqual(await recorded('world'), ['w1', 'w2-after-1', 'w3-after-2']);
    assert.equal(follower.world.evaluations.world?.progress?.done, 3);
    await writer.catchUp();
    await follower.stop();
  });

  test('writes behind a model that the world has dropped, and to no dropped incident', async () => {
    const changed = (id: string): RawEvent => {
      return { id, type: 'rollout.leader_changed', at, data: { leader: 'c-0', leaderEpoch: 1 } };
    };
    const resolved: RawEvent = {
      id: 'r',
      type: 'incident.resolved',
      at,
      data: { incidentId: 'gone', by: 'o', reason: 'r' },
    };
    const [model, incident] = [aggregates.rollouts('gone'), aggregates.incident('gone')];
    await journal.append(model, 0, [changed('before')]);
    await journal.append(incident, 0, [{ ...resolved, id: 'first' }]);
    const follower = await followWorld({ journal, onError: (error) => assert.fail(String(error)) });
    await follower.ready();
    Reflect.deleteProperty(follower.world.rollouts, 'gone');
    Reflect.deleteProperty(follower.world.incidents, 'gone');
    const writer = writeWorld(journal, follower);
    await writer.commit(model, () => [changed('after')]);
    assert.equal((await journal.read(model)).length, 2);
    await assert.rejects(
      writer.commit(incident, () => [resolved]),
      { code: 'CVE_JOURNAL_CONFLICT' },
    );
    assert.equal((await journal.read(incident)).length, 1);
    await follower.stop();
  });
});

test('a commit whose outcome nobody knew is found again, not doubled', async () => {
  await using bench = await startTestBus();
  const { bus, nats } = bench;
  const real = openJournal(bus, { by: 'writer-0' });
  // The server takes the message and dies before it answers; the writer gives up before the server is back.
  const journal: Journal = {
    ...real,
    append: async (aggregate, expectedSeq, events, options) => {
      if (events[0]?.id !== 'lost') return real.append(aggregate, expectedSeq, events, options);
      await freeze(nats, bus);
      return await real.append(aggregate, expectedSeq, events, { ...options, deadlineMs: 300 });
    },
  };
  const aggregate = aggregates.evaluation('unknown');
  const fold = { initial: initialEvaluation('unknown'), fold: foldEvaluation, unread: 'refuse' } as const;
  const writer = writeAggregate(journal, await openAggregate(journal, aggregate, fold));
  await writer.commit(() => [progressed('before', 1)]);
  try {
    await assert.rejects(
      writer.commit(() => [progressed('lost', 2)]),
      { code: 'CVE_JOURNAL_OUTCOME_UNKNOWN' },
    );
  } finally {
    nats.signal('SIGCONT');
  }
  await until(async () => (await real.read(aggregate)).length === 2, 'what was on its way is stored');
  const seen: (number | undefined)[] = [];
  await writer.commit(({ progress }) => {
    seen.push(progress?.done);
    return [progressed('after', 3)];
  });
  assert.deepEqual(seen, [2]);
  const ids = (await real.read(aggregate)).flatMap(({ events }) => events.map(({ id }) => id));
  assert.deepEqual(ids, ['before', 'lost', 'after']);
});

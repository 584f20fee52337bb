import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { aggregates, type Commit, isConclaveError, subjects } from '@conclave/contracts';
import { connectBus } from './connection.ts';
import { JournalConflict, openJournal } from './journal.ts';
import { nativeOf } from './native.ts';
import { createNkey } from './nkeys.ts';
import type { Bus } from './ports/connection.ts';
import type { Journal } from './ports/journal.ts';
import { type Keyring, keyringOf } from './signing/keyring.ts';
import { type Signer, signerOf } from './signing/signature.ts';
import { freeze, startTestBus, type TestBus, testKeyring, until } from './testing/index.ts';
import { testEvent } from './testing/test-event.ts';

const ids = (commits: readonly Commit[]): string[] =>
  commits.flatMap((commit) => commit.events.map((event) => event.id));

describe('journal', () => {
  let test: TestBus;
  before(async () => {
    test = await startTestBus();
  });
  after(async () => {
    await test[Symbol.asyncDispose]();
  });
  const open: Bus[] = [];
  after(() => Promise.all(open.map((bus) => bus.drain())));
  const journalBy = (by: string) => openJournal(test.bus, { by });

  it('stores commits in one order and reads an aggregate back', async () => {
    const journal = journalBy('a-0');
    const model = aggregates.rollouts('order 1.0');
    const first = await journal.append(model, 0, [testEvent('o1'), testEvent('o2')], { fence: 7 });
    await journal.append(aggregates.schedule, 'any', [testEvent('elsewhere')]);
    const second = await journal.append(model, first.seq, [testEvent('o3', { text: 'ü' })]);
    assert.ok(second.seq > first.seq + 1);
    const commits = await journal.read(model);
    assert.deepEqual(ids(commits), ['o1', 'o2', 'o3']);
    assert.deepEqual(commits[0]?.aggregate, model);
    assert.equal(commits[0]?.fence, 7);
    assert.equal(commits[0]?.by, 'a-0');
    assert.deepEqual(commits[1]?.events[0]?.data, { text: 'ü' });
    assert.deepEqual(ids(await journal.read(model, { afterSeq: first.seq })), ['o3']);
    assert.equal(await journal.head(model), second.seq);
    assert.equal(await journal.lastSeq(), second.seq);
  });

  it('records nothing of what its check refuses', async () => {
    const model = aggregates.rollouts('checked');
    const journal = openJournal(test.bus, {
      by: 'a-0',
      check: (kind) => {
        throw new Error(`no ${kind} today`);
      },
    });
    await assert.rejects(journal.append(model, 0, [testEvent('bad')]), /no rollouts today/);
    assert.equal(await journal.head(model), 0);
  });

  it('stores nothing that nobody would count, and says of nothing that it counts', async () => {
    const model = aggregates.rollouts('without a key');
    const { seed, publicKey } = createNkey();
    const bus = async (keyring: Keyring, signer?: Signer) => {
      const made = await connectBus({
        servers: test.nats.url,
        name: 'keyless',
        keyring,
        ...(signer ? { signer } : {}),
      });
      open.push(made);
      return openJournal(made, { by: 'x-0' });
    };
    const append = (journal: Journal) => journal.append(model, 0, [testEvent('none')]);
    await assert.rejects(append(await bus(testKeyring)), /CVE_UNAUTHORIZED: this process has no nkey to sign rollouts/);
    const stranger = await bus(testKeyring, signerOf(seed));
    await assert.rejects(
      append(stranger),
      /CVE_UNAUTHORIZED: nobody counts what this process writes of rollouts: its key U/,
    );
    assert.equal(await journalBy('a-0').head(model), 0);
    // It ends while the commit is on its way.
    const own = keyringOf({ keys: [{ key: publicKey, role: 'coordinator' }] });
    let asked = 0;
    const ending: Keyring = { find: (...about) => (++asked > 1 ? 'it has ended' : own.find(...about)) };
    await assert.rejects(append(await bus(ending, signerOf(seed))), /nobody counts .*it has ended/);
    assert.deepEqual(await journalBy('a-0').read(model), []);
    await journalBy('a-0').append(model, 0, [testEvent('goes on')]);
  });

  it('knows nothing of an aggregate that has no commits', async () => {
    assert.equal(await journalBy('a-0').head(aggregates.rollouts('none')), 0);
    assert.deepEqual(await journalBy('a-0').read(aggregates.rollouts('none')), []);
  });

  it('refuses a stale expectation and says where the aggregate is', async () => {
    const journal = journalBy('a-0');
    const model = aggregates.rollouts('stale');
    const { seq } = await journal.append(model, 0, [testEvent('s1')]);
    await assert.rejects(journal.append(model, 0, [testEvent('s2')]), (error: unknown) => {
      assert.ok(error instanceof JournalConflict);
      assert.ok(isConclaveError(error, 'CVE_JOURNAL_CONFLICT'));
      assert.equal(error.actualSeq, seq);
      return true;
    });
    assert.deepEqual(ids(await journal.read(model)), ['s1']);
  });

  it('lets exactly one of many writers win each step', async () => {
    const model = aggregates.rollouts('race');
    let seq = 0;
    for (let step = 0; step < 10; step++) {
      const attempts = Array.from({ length: 8 }, (_, writer) =>
        journalBy(`w-${writer}`).append(model, seq, [testEvent(`r${step}-${writer}`)]),
      );
      const results = await Promise.allSettled(attempts);
      const won = results.filter((result) => result.status === 'fulfilled');
      assert.equal(won.length, 1);
      seq = won[0]?.value.seq ?? 0;
    }
    assert.equal((await journalBy('a-0').read(model)).length, 10);
  });

  it('recognises its own commit when the same append comes again (the server calls it a duplicate)', async () => {
    const journal = journalBy('a-0');
    const model = aggregates.rollouts('twice');
    const first = await journal.append(model, 0, [testEvent('t1')]);
    assert.deepEqual(await journal.append(model, 0, [testEvent('t1')]), { ...first, isFound: true });
    assert.equal((await journal.read(model)).length, 1);
  });

  it('recognises its own commit after a conflict, also behind a later one', async () => {
    const model = aggregates.rollouts('own');
    const first = await journalBy('a-0').append(model, 0, [testEvent('own1')]);
    await journalBy('b-0').append(model, first.seq, [testEvent('other')]);
    // Another `by` makes other content and so another message id: the server answers with a conflict, not with a duplicate.
    assert.deepEqual(await journalBy('c-0').append(model, 0, [testEvent('own1')]), { ...first, isFound: true });
    assert.equal((await journalBy('a-0').read(model)).length, 2);
  });

  it('appends without expectation once, and makes stale appends fail', async () => {
    const journal = journalBy('a-0');
    const model = aggregates.rollouts('abort');
    const before = await journal.append(model, 0, [testEvent('ab1')]);
    const abort = await journal.append(model, 'any', [testEvent('abort')]);
    assert.deepEqual(await journal.append(model, 'any', [testEvent('abort')]), { ...abort, isFound: true });
    await assert.rejects(journal.append(model, before.seq, [testEvent('late')]), JournalConflict);
    assert.deepEqual(ids(await journal.read(model)), ['ab1', 'abort']);
  });

  it('takes commits up to 512 KB and refuses larger ones', async () => {
    const journal = journalBy('a-0');
    const model = aggregates.rollouts('large');
    const { seq } = await journal.append(model, 0, [testEvent('l1', 'x'.repeat(511 * 1024))]);
    await assert.rejects(
      journal.append(model, seq, [testEvent('l2', 'x'.repeat(513 * 1024))]),
      /CVE_MESSAGE_TOO_LARGE/,
    );
  });

  it('cannot be deleted from, purged or removed', async () => {
    const { jsm } = nativeOf(test.bus);
    const { seq } = await journalBy('a-0').append(aggregates.rollouts('kept'), 0, [testEvent('k1')]);
    await assert.rejects(jsm.streams.deleteMessage('CONCLAVE_JOURNAL', seq));
    await assert.rejects(jsm.streams.purge('CONCLAVE_JOURNAL'));
  });

  it('hands commits over one at a time and tells when it has caught up', async () => {
    const journal = journalBy('a-0');
    const model = aggregates.rollouts('follow');
    const first = await journal.append(model, 0, [testEvent('f1')]);
    const second = await journal.append(model, first.seq, [testEvent('f2')]);
    const seen: string[] = [];
    let running = 0;
    const follower = journal.follow({
      filters: [subjects.journal(model)],
      async onCommit(commit) {
        running++;
        assert.equal(running, 1);
        await new Promise((resolve) => setImmediate(resolve));
        seen.push(...ids([commit]));
        running--;
      },
      onCaughtUp: () => seen.push('caught up'),
      onError: (error) => assert.fail(String(error)),
    });
    await until(() => follower.caughtUp, 'caught up');
    await journal.append(model, second.seq, [testEvent('f3')]);
    await until(() => seen.includes('f3'), 'the live commit');
    assert.deepEqual(seen, ['f1', 'f2', 'caught up', 'f3']);
    await follower.stop();
    const later = journal.follow({
      filters: [subjects.journal(model)],
      fromSeq: second.seq,
      onCommit: (commit) => void seen.push(`again ${ids([commit]).join()}`),
      onError: (error) => assert.fail(String(error)),
    });
    await until(() => later.caughtUp, 'caught up again');
    await later.stop();
    assert.deepEqual(seen.slice(4), ['again f2', 'again f3']);
  });

  it('stops at a handler that fails', async () => {
    const model = aggregates.rollouts('failing');
    await journalBy('a-0').append(model, 0, [testEvent('fails')]);
    const errors: unknown[] = [];
    const follower = journalBy('a-0').follow({
      filters: [subjects.journal(model)],
      onCommit: () => {
        throw new Error('no room');
      },
      onError: (error) => errors.push(error),
    });
    await until(() => errors.length > 0, 'an error');
    assert.match(String(errors[0]), /no room/);
    assert.equal(follower.lastSeq, 0);
  });

  it('counts idle heartbeats as activity', async () => {
    const follower = journalBy('a-0').follow({
      filters: [subjects.journal(aggregates.rollouts('idle'))],
      onCommit: () => undefined,
      onError: (error) => assert.fail(String(error)),
    });
    await until(() => follower.caughtUp, 'caught up');
    let lastSeenAt = follower.lastActivityAt;
    await until(() => {
      const gapMs = follower.lastActivityAt - lastSeenAt;
      lastSeenAt = follower.lastActivityAt;
      // Every 5 s a request for more ends, which is activity too.
      return gapMs > 500 && gapMs < 3000;
    }, 'a heartbeat');
    await follower.stop();
  });
});

describe('journal through a crash of the server', () => {
  it('loses and doubles nothing while the server is killed and started again', async () => {
    await using test = await startTestBus();
    const journal = openJournal(test.bus, { by: 'writer-0' });
    const model = aggregates.rollouts('crash');
    const seen: string[] = [];
    const follower = openJournal(await test.connect(), { by: 'reader-0' }).follow({
      filters: [subjects.journalAll],
      onCommit: (commit) => void seen.push(...ids([commit])),
      onError: (error) => assert.fail(String(error)),
    });
    const total = 120;
    let written = 0;
    const writing = (async () => {
      let seq = 0;
      for (; written < total; written++) ({ seq } = await journal.append(model, seq, [testEvent(`c${written}`)]));
    })();
    for (const point of [20, 60]) {
      await until(() => written >= point, `${point} commits`);
      await test.nats.kill();
      await test.nats.restart();
    }
    await writing;
    await until(() => seen.length >= total, 'all commits', 30_000);
    await follower.stop();
    const expected = Array.from({ length: total }, (_, index) => `c${index}`);
    assert.deepEqual(seen, expected);
    assert.deepEqual(ids(await journal.read(model)), expected);
  });

  it('reports an unknown outcome when nobody answers until the deadline', async () => {
    await using test = await startTestBus();
    const journal = openJournal(test.bus, { by: 'writer-0' });
    await freeze(test.nats, test.bus);
    try {
      await assert.rejects(
        journal.append(aggregates.rollouts('frozen'), 'any', [testEvent('u1')], { deadlineMs: 500 }),
        /CVE_JOURNAL_OUTCOME_UNKNOWN/,
      );
    } finally {
      test.nats.signal('SIGCONT');
    }
  });
});

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openJournal, openWorkQueue, type WorkConsumer } from '@conclave/bus';
import { until } from '@conclave/bus/testing';
import { API, type ApiVerb, type Commit, subjects } from '@conclave/contracts';
import { type LeadingCoordinator, startLeading } from '../testing/leading.ts';
import { VERB_CASES, type VerbCase } from '../testing/verb-cases.ts';

/*
 * Every verb of `conclave.api.*`, asked over NATS as a client asks it, of a real leader: what it promises is waited for in the journal and
 * on the queues, not read from the answer.
 */

describe('the API, asked over NATS', () => {
  let c: LeadingCoordinator;
  const commits: Commit[] = [];
  const work: string[] = [];
  const stops: (() => Promise<void>)[] = [];

  before(async () => {
    c = await startLeading();
    const follower = openJournal(c.bench.bus, { by: 'client' }).follow({
      filters: [subjects.journalAll],
      onCommit: (commit) => void commits.push(commit),
      onError: (error) => assert.fail(String(error)),
    });
    const consumer = (name: string, filter: string): WorkConsumer =>
      openWorkQueue(c.bench.bus).consume({
        ...{ name, filter, concurrency: 1 },
        handler: async (job) => void work.push(job.subject),
      });
    const consumers = [
      consumer('planner', subjects.workMeeting),
      consumer('executor', subjects.workActionAll),
      consumer('executor-rollback', subjects.workRollbackAll),
    ];
    stops.push(() => follower.stop(), ...consumers.map((one) => () => one.stop()));
  });
  after(async () => {
    for (const stop of stops) await stop();
    await c[Symbol.asyncDispose]();
  });

  const ask = async (verb: ApiVerb, body: object, token?: string): Promise<unknown> => {
    const headers = token === undefined ? undefined : { 'Conclave-Token': token };
    return (await c.bench.bus.request(subjects.api(verb), body, { timeoutMs: 20_000, headers })).json();
  };
  /** How often the effect of a case stands in the journal as a client reads it, once everything before has been read. */
  const timesOnRecord = async ({ effect }: VerbCase, name: string): Promise<number> => {
    const last = await openJournal(c.bench.bus, { by: 'client' }).lastSeq();
    await until(() => (commits.at(-1)?.seq ?? 0) >= last, 'the journal is read');
    const wanted = effect?.(name);
    return commits
      .filter(({ aggregate: { kind, id } }) => kind === wanted?.aggregate.kind && id === wanted.aggregate.id)
      .flatMap(({ events }) => events)
      .filter(({ type, data }) => type === wanted?.type && [undefined, name].includes(Object(data).planId)).length;
  };

  test('has a case for each verb', () => {
    assert.deepEqual(Object.keys(VERB_CASES).sort(), Object.keys(API).sort());
  });

  // A meeting that a rollout needs is under way for minutes, and then another is not called: so this verb comes first.
  const verbs = new Set<ApiVerb>(['convene', ...(Object.keys(API) as ApiVerb[])]);
  for (const verb of verbs) {
    const one = VERB_CASES[verb];
    const named = (what: string): string => `${what}-${verb.replaceAll('_', '-')}`;

    test(`${verb} has its effect, and has it once however often it is asked`, async () => {
      const name = named('a');
      await one.given?.(c, name);
      const before = await timesOnRecord(one, name);
      const first = await c.call(verb, one.body(name));
      assert.partialDeepStrictEqual(first, one.first);
      const isEffective = one.effect === undefined ? 0 : 1;
      await until(async () => (await timesOnRecord(one, name)) === before + isEffective, `${verb} is on record`);
      if (one.work !== undefined) await until(() => work.includes(String(one.work)), `its work is on ${one.work}`);
      const again = await c.call(verb, one.body(name));
      assert.partialDeepStrictEqual(again, one.again);
      assert.equal(await timesOnRecord(one, name), before + isEffective);
    });

    test(`${verb} records nothing for ${API[verb].operator ? 'a stranger or ' : ''}a wrong request`, async () => {
      const name = named('b');
      await one.given?.(c, name);
      const before = await timesOnRecord(one, name);
      if (API[verb].operator) {
        for (const token of [undefined, '', 'a guess'])
          await assert.rejects(ask(verb, one.body(name), token), { code: 'CVE_UNAUTHORIZED' }, String(token));
      }
      if (one.wrong !== undefined) {
        const code = verb === 'handoff' ? 'CVE_HANDOFF_INVALID' : 'CVE_REQUEST_INVALID';
        await assert.rejects(c.call(verb, one.wrong(name)), { code });
      }
      assert.equal(await timesOnRecord(one, name), before);
    });
  }
});

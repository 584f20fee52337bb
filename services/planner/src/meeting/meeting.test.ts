import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startTestBus, type TestBus } from '@conclave/bus/testing';
import { ConclaveError, isConclaveError, PLANNING_ROLES, type PlanningRole, parseHandoff } from '@conclave/contracts';
import { at, history, historyIn } from '@conclave/histories';
import { type Clock, systemClock } from '@conclave/service';
import type { Ask } from '../advisors/advisor.ts';
import { rulesContribution } from '../advisors/rules/rules-advisor.ts';
import { briefOf } from '../testing/brief.ts';
import { ALL_TURNS, Crash, called, MeetingHall } from '../testing/meeting-hall.ts';
import { closeFailed, holdMeeting } from './meeting.ts';

let server: TestBus;
before(async () => {
  server = await startTestBus();
});
after(() => server[Symbol.asyncDispose]());

const never = new AbortController().signal;
const hall = (): MeetingHall => new MeetingHall(server.bus);

test('a meeting goes through its phases, decides and hands off', async () => {
  const given = hall();
  const { closed, turns } = await holdMeeting(given.ports(), called('meeting-1-1'), never);
  assert.deepEqual(new Set(turns.map((turn) => `${turn.phase}:${turn.role}`)), new Set(ALL_TURNS));
  assert.equal(closed?.outcome, 'decided');
  assert.deepEqual(
    closed?.decisions.map(({ decision, toStage }) => [decision, toStage]),
    [['go', '5_percent']],
  );
  const [published] = given.published;
  assert.equal(published?.msgId, 'meeting-1-1');
  assert.deepEqual(published?.document, closed?.handoff);
  const plan = parseHandoff(published?.document);
  assert.equal(plan.source, 'planning_meeting_7');
  assert.deepEqual(
    plan.actions.map((action) => action.tool),
    ['deploy_model', 'smoke_test'],
  );
});

test('every event has the id of its turn', async () => {
  const given = hall();
  await holdMeeting(given.ports(), called('meeting-2-1'), never);
  const ids = (await given.recorded('meeting-2-1')).map(({ id }) => id.replace('meeting-2-1:', ''));
  assert.deepEqual(new Set(ids), new Set(['opened', ...ALL_TURNS, 'closed']));
  assert.equal(ids.length, new Set(ids).size);
});

const CRASHES = [
  { name: 'meeting.after_opened', nth: 1 },
  ...ALL_TURNS.map((_turn, index) => ({ name: 'meeting.after_turn', nth: index + 1 })),
  { name: 'meeting.before_close', nth: 1 },
  { name: 'meeting.after_close', nth: 1 },
];

for (const { name, nth } of CRASHES) {
  test(`after a crash at ${name} ${nth} the meeting goes on and no turn is taken twice`, async () => {
    const given = hall().crashAt(name, nth);
    const work = called(`meeting-3-${name.replace('meeting.', '')}-${nth}`);
    await assert.rejects(holdMeeting(given.ports(), work, never), Crash);
    assert.deepEqual(given.published, [], 'nothing is handed off before the end');
    const { closed } = await holdMeeting(given.ports(), work, never);
    assert.equal(closed?.outcome, 'decided');
    assert.deepEqual(
      [...given.asked.values()].filter((times) => times !== 1),
      [],
    );
    assert.equal((await given.recorded(work.meetingId)).length, ALL_TURNS.length + 2);
    assert.equal(given.published.length, 1);
  });
}

test('a closed meeting that is delivered again hands off again, the same', async () => {
  const given = hall();
  const work = called('meeting-4-1');
  await holdMeeting(given.ports(), work, never);
  await holdMeeting(given.ports(), work, never);
  const [first, second] = given.published;
  assert.deepEqual(second, first);
  assert.equal(given.asked.get('synthesis:moderator'), 1);
});

test('two planners with the same job make one meeting', async () => {
  const [one, other] = [hall(), new MeetingHall(server.bus, 'planner-1')];
  const work = called('meeting-5-1');
  const [first, second] = await Promise.all([
    holdMeeting(one.ports(), work, never),
    holdMeeting(other.ports(), work, never),
  ]);
  assert.deepEqual(second.closed, first.closed);
  assert.deepEqual(other.published, one.published);
  const recorded = await one.recorded(work.meetingId);
  assert.equal(recorded.length, ALL_TURNS.length + 2);
});

test('a passed deadline closes without asking anybody', async () => {
  const given = hall();
  const { closed } = await holdMeeting(given.ports(), called('meeting-6-1', at(59)), never);
  assert.equal(closed?.outcome, 'deadline_passed');
  assert.deepEqual([closed?.decisions, closed?.handoff, given.asked.size], [[], undefined, 0]);
});

const hangs = (): Promise<never> => new Promise(() => undefined);
const timesOut = (): never => {
  throw new ConclaveError('CVE_CHAT_TIMEOUT', 'no answer in 90 s');
};

test('a seat that hangs costs two phases their share of the time, and the meeting decides without it', async () => {
  const given = hall();
  const moderator = given.advisor('moderator', hangs);
  // The meeting has ten minutes, so that a slow machine does not use them up; who hangs is waited for a small part of its share.
  const waitedMs: number[] = [];
  const hasty: Clock = {
    ...systemClock,
    now: () => at(60),
    after(ms, then) {
      waitedMs.push(ms);
      return systemClock.after(ms / 500, then);
    },
  };
  const { closed, absences } = await holdMeeting(
    given.ports({ moderator }, hasty),
    called('meeting-7-1', at(660)),
    never,
  );
  const isShare = (ms: number | undefined, phasesLeft: number): boolean =>
    ms !== undefined && ms > 300_000 / phasesLeft && ms <= 600_000 / phasesLeft;
  const [, statement, challenge, revision] = waitedMs;
  assert.ok(isShare(statement, 5) && isShare(challenge, 4) && isShare(revision, 3), `${waitedMs}`);
  assert.equal(closed?.outcome, 'decided');
  assert.deepEqual(
    closed?.handoff?.actions.map((action) => action.tool),
    ['deploy_model'],
  );
  assert.deepEqual(
    absences.map(({ phase, role, reason }) => [phase, role, reason.startsWith('CVE_CHAT_TIMEOUT')]),
    [
      ['statement', 'moderator', true],
      ['revision', 'moderator', true],
      ['ballot', 'moderator', false],
      ['synthesis', 'moderator', false],
    ],
  );
  assert.match(absences.at(-1)?.reason ?? '', /timed out in statement and revision/);
  assert.deepEqual(
    [given.asked.get('ballot:moderator'), given.asked.get('synthesis:moderator')],
    [undefined, undefined],
  );
});

test('a seat that timed out is not asked again in the same phase', async () => {
  const given = hall();
  const shaky = given.advisor('data_analyst', ({ phase, brief }) =>
    phase === 'statement' ? timesOut() : rulesContribution('data_analyst', phase, brief),
  );
  const { absences, turns } = await holdMeeting(given.ports({ data_analyst: shaky }), called('meeting-7-2'), never);
  assert.deepEqual(
    absences.map(({ phase, role }) => `${phase}:${role}`),
    ['statement:data_analyst'],
  );
  assert.equal(given.asked.get('statement:data_analyst'), 1);
  assert.ok(turns.some((turn) => turn.phase === 'ballot' && turn.role === 'data_analyst'));
});

test('after a crash the timeouts on record still count', async () => {
  const given = hall().crashAt('meeting.after_turn', 12);
  const work = called('meeting-7-3');
  const moderator = given.advisor('moderator', timesOut);
  await assert.rejects(holdMeeting(given.ports({ moderator }), work, never), Crash);
  const { closed } = await holdMeeting(given.ports(), work, never);
  assert.equal(closed?.outcome, 'decided');
  assert.deepEqual([given.asked.get('ballot:critic'), given.asked.get('ballot:moderator')], [1, undefined]);
});

test('quorate ballots on record decide, also when the deadline has passed', async () => {
  const given = hall().crashAt('meeting.after_turn', 13);
  await assert.rejects(holdMeeting(given.ports(), called('meeting-7-4'), never), Crash);
  const { closed } = await holdMeeting(given.ports(), called('meeting-7-4', at(59)), never);
  assert.equal(closed?.outcome, 'decided');
  assert.equal(closed?.decisions[0]?.decision, 'go');
  assert.match(closed?.summary ?? '', /the deadline came before its turn/);
  assert.equal(given.asked.has('synthesis:moderator'), false);
});

test('without quorate ballots a passed deadline decides nothing', async () => {
  const given = hall().crashAt('meeting.after_turn', 12);
  await assert.rejects(holdMeeting(given.ports(), called('meeting-7-5'), never), Crash);
  const { closed } = await holdMeeting(given.ports(), called('meeting-7-5', at(59)), never);
  assert.equal(closed?.outcome, 'deadline_passed');
  assert.deepEqual([closed?.decisions, closed?.handoff], [[], undefined]);
});

test('an empty seat is absent in every phase, and quorum decides', async () => {
  const given = hall();
  const absent = 'OPENAI_API_KEY is not set';
  const { closed, absences } = await holdMeeting(
    given.ports({ critic: { role: 'critic', absent }, tech_analysis: { role: 'tech_analysis', absent } }),
    called('meeting-8-1'),
    never,
  );
  assert.equal(closed?.outcome, 'decided');
  assert.deepEqual(
    absences.map(({ phase, role }) => `${phase}:${role}`).toSorted(),
    ['ballot:critic', 'ballot:tech_analysis', 'challenge:critic', 'statement:critic', 'statement:tech_analysis'],
    'without a challenge nobody revises',
  );
});

test('without quorum nothing is synthesised, decided or handed off', async () => {
  const given = hall();
  const roles = ['critic', 'tech_analysis', 'cotrr_team'] as const;
  const seats = Object.fromEntries(roles.map((role) => [role, { role, absent: 'no key' }]));
  const { closed } = await holdMeeting(given.ports(seats), called('meeting-9-1'), never);
  assert.equal(closed?.outcome, 'no_quorum');
  assert.deepEqual([closed?.decisions, closed?.handoff], [[], undefined]);
  assert.match(closed?.summary ?? '', /critic \(no key\)/);
  assert.equal(given.asked.has('synthesis:moderator'), false);
  assert.deepEqual(given.published, []);
});

test('an advisor is asked once more after an error that may pass', async () => {
  const given = hall();
  const shaky = given.advisor('data_analyst', ({ phase, brief }, attempt) => {
    if (attempt === 1) throw new ConclaveError('CVE_CHAT_RATE_LIMITED', 'slow down', { retryAfterMs: 1 });
    return rulesContribution('data_analyst', phase, brief);
  });
  const { absences } = await holdMeeting(given.ports({ data_analyst: shaky }), called('meeting-10-1'), never);
  assert.deepEqual(absences, []);
  assert.equal(given.asked.get('statement:data_analyst'), 2);
});

test('an advisor that fails twice, refuses or answers nonsense is absent', async () => {
  const given = hall();
  const seats = {
    data_analyst: given.advisor('data_analyst', () => {
      throw new ConclaveError('CVE_CHAT_UNAVAILABLE', 'down');
    }),
    tech_analysis: given.advisor('tech_analysis', () => {
      throw new ConclaveError('CVE_CHAT_REFUSED', 'declined');
    }),
  };
  const { closed, absences } = await holdMeeting(given.ports(seats), called('meeting-11-1'), never);
  assert.equal(closed?.outcome, 'decided');
  const inStatement = absences.filter((absence) => absence.phase === 'statement');
  assert.deepEqual(inStatement.map(({ role, reason }) => [role, reason.split(':')[0]]).toSorted(), [
    ['data_analyst', 'CVE_CHAT_UNAVAILABLE'],
    ['tech_analysis', 'CVE_CHAT_REFUSED'],
  ]);
  assert.equal(given.asked.get('statement:data_analyst'), 2);
  assert.equal(given.asked.get('statement:tech_analysis'), 1);
});

test('a planner that stops leaves the meeting open for the next', async () => {
  const given = hall();
  const stopping = new AbortController();
  const slow = given.advisor('cotrr_team', () => {
    stopping.abort();
    return new Promise(() => undefined);
  });
  const work = called('meeting-12-1');
  await assert.rejects(holdMeeting(given.ports({ cotrr_team: slow }), work, stopping.signal), (error) =>
    isConclaveError(error, 'CVE_CANCELLED'),
  );
  const { closed } = await holdMeeting(given.ports(), work, never);
  assert.equal(closed?.outcome, 'decided');
});

test('a moderator that contradicts the ballots is overruled, in words', async () => {
  const given = hall();
  const moderator = given.advisor('moderator', ({ phase, brief }) => {
    const said = rulesContribution('moderator', phase, brief);
    return { ...said, decisions: said.decisions.map((claimed) => ({ ...claimed, decision: 'no_go' as const })) };
  });
  const { closed } = await holdMeeting(given.ports({ moderator }), called('meeting-13-1'), never);
  assert.equal(closed?.decisions[0]?.decision, 'go');
  assert.match(closed?.summary ?? '', /The moderator reported no_go .* the ballots stand/);
});

test('an absent moderator leaves the counted ballots and their deploy', async () => {
  const given = hall();
  const seats = { moderator: { role: 'moderator', absent: 'no key' } as const };
  const { closed } = await holdMeeting(given.ports(seats), called('meeting-14-1'), never);
  assert.equal(closed?.outcome, 'decided');
  assert.deepEqual(
    closed?.handoff?.actions.map((action) => action.tool),
    ['deploy_model'],
  );
});

test('without a moderator and without a decision the meeting has failed, so that it is held again', async () => {
  const given = hall();
  given.brief = briefOf(historyIn());
  const seats = { moderator: { role: 'moderator', absent: 'no key' } as const };
  const { closed } = await holdMeeting(given.ports(seats), called('meeting-14-2'), never);
  assert.equal(closed?.outcome, 'failed');
  assert.deepEqual([closed?.decisions, closed?.handoff], [[], undefined]);
  assert.match(closed?.summary ?? '', /moderator was absent \(no key\)/);
});

test('without a rollout in a stage nobody votes, and an empty plan is not handed off', async () => {
  const given = hall();
  given.brief = briefOf(history().adopted());
  const { closed, turns } = await holdMeeting(given.ports(), called('meeting-15-1'), never);
  assert.equal(closed?.outcome, 'decided');
  assert.equal(closed?.handoff, undefined);
  assert.ok(turns.every((turn) => turn.phase !== 'ballot'));
  assert.deepEqual(given.published, []);
});

test('what advisors heard is what was on record before the phase', async () => {
  const given = hall();
  const heard = new Map<string, number>();
  const seats = Object.fromEntries(
    PLANNING_ROLES.map((role) => [
      role,
      given.advisor(role, (ask) => {
        heard.set(`${ask.phase}:${role}`, ask.heard.length);
        return rulesContribution(role, ask.phase, ask.brief);
      }),
    ]),
  );
  await holdMeeting(given.ports(seats), called('meeting-16-1'), never);
  assert.deepEqual(
    ['statement:critic', 'challenge:critic', 'revision:moderator', 'ballot:critic', 'synthesis:moderator'].map((turn) =>
      heard.get(turn),
    ),
    [0, 6, 7, 12, 18],
  );
});

test('a meeting that cannot be held is closed as failed', async () => {
  const given = hall();
  await closeFailed(given.ports(), called('meeting-17-1'), 'five deliveries');
  const { closed } = await holdMeeting(given.ports(), called('meeting-17-1'), never);
  assert.equal(closed?.outcome, 'failed');
  assert.equal(given.asked.size, 0);
});

test('advisors who say two megabytes in every slot are cut short, and the meeting decides as it would have', async () => {
  const given = hall();
  const huge = 'é'.repeat(1024 * 1024);
  const loud = (role: PlanningRole) =>
    given.advisor(role, ({ phase, brief }) => {
      const said = rulesContribution(role, phase, brief);
      const action = { action: huge, owner: huge, priority: huge, estimated_duration: huge, success_criteria: huge };
      return {
        text: huge,
        ballots: said.ballots.map((ballot) => ({ ...ballot, reason: huge })),
        actions: [...said.actions, { ...action, tool: huge, args: { huge } }],
        decisions: [{ rolloutId: huge, decision: 'go' as const }],
      };
    });
  const seats = Object.fromEntries(PLANNING_ROLES.map((role) => [role, loud(role)]));
  const { closed, turns, absences } = await holdMeeting(given.ports(seats), called('meeting-13-1'), never);
  assert.deepEqual([closed?.outcome, closed?.decisions[0]?.decision, absences], ['decided', 'go', []]);
  assert.equal(turns.length, ALL_TURNS.length);
  const { actions = [] } = closed?.handoff ?? {};
  assert.equal(actions[0]?.tool, 'deploy_model');
  assert.ok(actions.every((planned) => JSON.stringify(planned).length < 2000));
});

test('an error of two megabytes makes its advisor absent and nothing else', async () => {
  const given = hall();
  const loud = given.advisor('data_analyst', () => {
    throw new Error('x'.repeat(2 * 1024 * 1024));
  });
  const { closed, absences } = await holdMeeting(given.ports({ data_analyst: loud }), called('meeting-13-2'), never);
  assert.equal(closed?.outcome, 'decided');
  assert.ok(absences.length > 0 && absences.every(({ reason }) => reason.length <= 2000));
});

test('the record says who spoke where a substitute did', async () => {
  const given = hall();
  const speaker = { adapter: 'openai', model: 'gpt-6.1-sol' } as const;
  const seat = given.advisor('critic');
  const critic = { ...seat, speak: async (ask: Ask) => ({ ...(await seat.speak(ask)), speaker }) };
  const { turns } = await holdMeeting(given.ports({ critic }), called('meeting-13-3'), never);
  const said = turns.filter(({ role }) => role === 'critic').map((turn) => turn.speaker);
  assert.ok(said.length > 0 && said.every((by) => by.model === speaker.model));
});

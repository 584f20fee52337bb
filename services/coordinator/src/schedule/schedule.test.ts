import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  aggregates,
  type ConclaveError,
  type HandoffDocument,
  handoffDocument,
  isConclaveError,
  parseHandoff,
  type ScheduleEvent,
} from '@conclave/contracts';
import fc from 'fast-check';
import type { CoordinatorOptions } from '../coordinator-options.ts';
import { decideSchedule } from '../leader/schedule-loop.ts';
import { appliedWorld, TestWorld } from '../testing/test-world.ts';
import { decideIntake, intakeEvents, lostPlan } from './intake.ts';
import { nextMeetingId } from './meetings.ts';

const OPTIONS: CoordinatorOptions = {
  heartbeat: { heartbeatIntervalSeconds: 300, meetingIntervalSeconds: 1800, actionsPerHeartbeat: 3 },
  meetings: {
    meetingIntervalSeconds: 1800,
    earlyMeetingGapSeconds: 60,
    meetingDeadlineSeconds: 600,
    staleSeconds: 900,
  },
  tally: { quorum: 4, majority: 0.5, veto: ['critic'] },
  soakSeconds: 60,
  noGoSeconds: 14_400,
  actionTimeoutSeconds: 900,
  redispatchAfterMs: 30_000,
  evidenceMaxAgeSeconds: 120,
  readyTimeoutSeconds: 300,
  leaseTtlMs: 5000,
};

type Priority = 'high' | 'medium' | 'low';
const action = (id: number, priority: Priority, extra: object = {}) => ({
  id,
  action: `do ${id}`,
  owner: 'ops_commander',
  priority,
  ...extra,
});
const document = (meetingId: string, actions: object[]): HandoffDocument =>
  ({
    timestamp: '2025-10-13T20:00:00',
    meeting_id: meetingId,
    actions,
    count: actions.length,
    source: 'test',
  }) as HandoffDocument;

function accept(t: TestWorld, doc: HandoffDocument): void {
  const plan = parseHandoff(doc);
  const decision = decideIntake(t.world, plan);
  if (decision.kind === 'known') return;
  const { planId, digest, source, actions } = plan;
  t.accepted(actions, { planId, digest, source, origin: decision.origin });
}

function tick(t: TestWorld): ScheduleEvent[] {
  const events = decideSchedule(t.world, t.now, OPTIONS);
  t.append(aggregates.schedule, events);
  return events;
}

const dispatched = (events: readonly ScheduleEvent[]): string[] =>
  events.flatMap((e) => (e.type === 'schedule.action_dispatched' ? [e.data.actionId] : []));

function complete(t: TestWorld, actionId: string, outcome: 'succeeded' | 'failed' = 'succeeded'): void {
  t.actionCompleted(actionId, { outcome });
}

function start(t: TestWorld, actionId: string): void {
  t.started(actionId);
}

test('a heartbeat dispatches three, and a level waits for the one above', () => {
  const t = new TestWorld();
  accept(
    t,
    document('p', [
      action(1, 'medium'),
      action(2, 'high'),
      action(3, 'high'),
      action(4, 'high'),
      action(5, 'high'),
      action(6, 'low'),
    ]),
  );
  assert.deepEqual(dispatched(tick(t)), ['p:2', 'p:3', 'p:4']);
  for (const id of ['p:2', 'p:3', 'p:4']) start(t, id);
  assert.deepEqual(dispatched(tick(t)), [], 'the next heartbeat is not due');
  t.advance(300);
  assert.deepEqual(dispatched(tick(t)), ['p:5'], 'MEDIUM waits for every HIGH');
  for (const id of ['p:2', 'p:3', 'p:4', 'p:5']) complete(t, id);
  tick(t);
  t.advance(300);
  assert.deepEqual(dispatched(tick(t)), ['p:1']);
});

test('the last heartbeat before a meeting drains the rest, level by level', () => {
  const t = new TestWorld();
  accept(t, document('p', [...[1, 2, 3, 4, 5].map((id) => action(id, 'high')), action(6, 'low')]));
  t.advance(1500);
  assert.equal(dispatched(tick(t)).length, 5);
  for (const id of [1, 2, 3, 4, 5]) complete(t, `p:${id}`);
  tick(t);
  assert.deepEqual(dispatched(tick(t)), ['p:6'], 'without waiting for another heartbeat');
});

test('an action waits for what it depends on and ends blocked when that failed', () => {
  const t = new TestWorld();
  accept(
    t,
    document('p', [action(1, 'high'), action(2, 'high', { depends_on: [1] }), action(3, 'high', { depends_on: [2] })]),
  );
  assert.deepEqual(dispatched(tick(t)), ['p:1']);
  complete(t, 'p:1', 'failed');
  for (let i = 0; i < 4; i++) tick(t);
  assert.equal(t.world.schedule.actions['p:2']?.outcome, 'blocked');
  assert.equal(t.world.schedule.actions['p:3']?.outcome, 'blocked');
});

test('dispatched work that nobody starts is dispatched again', () => {
  const t = new TestWorld();
  accept(t, document('p', [action(1, 'high')]));
  tick(t);
  t.advance(31);
  assert.deepEqual(dispatched(tick(t)), ['p:1']);
  assert.equal(t.world.schedule.actions['p:1']?.attempt, 2);
});

test('work that nobody starts for two days is dispatched ever more rarely, and waits', () => {
  const t = new TestWorld();
  accept(t, document('p', [action(1, 'high')]));
  let attempts = 0;
  for (let seconds = 0; seconds < 2 * 86_400; seconds += 30) {
    attempts += dispatched(tick(t)).length;
    t.advance(30);
  }
  assert.ok(attempts > 40 && attempts < 70, `about one an hour, not ${attempts}`);
  assert.equal(t.world.schedule.actions['p:1']?.state, 'dispatched', 'without an effect nothing is uncertain');
});

test('a longer interval does not stop the clock', () => {
  const t = new TestWorld();
  const fast: CoordinatorOptions = {
    ...OPTIONS,
    heartbeat: { ...OPTIONS.heartbeat, heartbeatIntervalSeconds: 2, meetingIntervalSeconds: 20 },
    meetings: { ...OPTIONS.meetings, meetingIntervalSeconds: 20 },
  };
  t.append(aggregates.schedule, decideSchedule(t.world, t.now, fast));
  accept(t, document('p', [action(1, 'high')]));
  t.advance(300);
  assert.deepEqual(dispatched(tick(t)), ['p:1'], 'the next heartbeat of the new interval');
  assert.deepEqual(
    tick(t).map((e) => e.type),
    [],
    'and then again one in each interval',
  );
});

test('a clock that runs one slot behind repeats no heartbeat', () => {
  const t = new TestWorld();
  t.advance(300);
  tick(t);
  t.advance(-1);
  assert.deepEqual(
    tick(t).map((e) => e.type),
    [],
  );
});

test('an action that nobody ends is uncertain after twice its time', () => {
  const t = new TestWorld();
  accept(t, document('p', [action(1, 'high')]));
  tick(t);
  start(t, 'p:1');
  t.advance(1801);
  tick(t);
  assert.equal(t.world.schedule.actions['p:1']?.outcome, 'uncertain');
});

test('an action that waited long for its start has its whole time from there, and so has a later attempt', () => {
  const t = new TestWorld();
  accept(t, document('p', [action(1, 'high')]));
  tick(t);
  t.advance(86_400);
  start(t, 'p:1');
  t.advance(1700);
  tick(t);
  assert.equal(t.world.schedule.actions['p:1']?.outcome, undefined);
  start(t, 'p:1');
  t.advance(1700);
  tick(t);
  assert.equal(t.world.schedule.actions['p:1']?.outcome, undefined, 'it was begun again');
  t.advance(101);
  tick(t);
  assert.equal(t.world.schedule.actions['p:1']?.outcome, 'uncertain');
});

test('a planned rollback waits for no heartbeat, no level and no limit, but for what it depends on', () => {
  const t = new TestWorld();
  tick(t);
  const rollback = { tool: 'rollback_model', args: { model: 'm', reason: 'r' } };
  accept(
    t,
    document('p', [
      ...[1, 2, 3, 4].map((id) => action(id, 'high')),
      action(5, 'high'),
      { ...action(6, 'low'), ...rollback },
      { ...action(7, 'low', { depends_on: [5] }), ...rollback },
      { ...action(8, 'low'), action: 'Roll back V1.1 to stable', owner: 'rollback_officer' },
    ]),
  );
  assert.deepEqual(dispatched(tick(t)), ['p:6', 'p:8'], 'between two heartbeats, named or in words');
  for (const id of ['p:6', 'p:8']) start(t, id);
  t.advance(300);
  assert.deepEqual(dispatched(tick(t)), ['p:1', 'p:2', 'p:3']);
  for (const id of ['p:1', 'p:2', 'p:3']) complete(t, id);
  for (const id of ['p:6', 'p:8']) complete(t, id);
  tick(t);
  t.advance(300);
  assert.deepEqual(dispatched(tick(t)), ['p:4', 'p:5']);
  complete(t, 'p:5');
  tick(t);
  assert.deepEqual(dispatched(tick(t)), ['p:7']);
});

test('plans do not grow without end, and the newest are known', () => {
  const t = new TestWorld();
  for (let n = 0; n < 1100; n++) {
    accept(t, document(`${n}`, [action(1, 'high')]));
    tick(t);
    complete(t, `${n}:1`);
    t.advance(300);
    tick(t);
  }
  const { plans, actions } = t.world.schedule;
  assert.ok(Object.keys(plans).length <= 1001, `${Object.keys(plans).length}`);
  assert.ok(Object.keys(actions).length <= 301);
  assert.equal(decideIntake(t.world, parseHandoff(document('1099', [action(1, 'high')]))).kind, 'known');
  assert.equal(plans['50'], undefined, 'the oldest went, though an object lists it first');
});

test("a meeting's plan that never arrived is found, once its time has passed", () => {
  const t = new TestWorld();
  const meetingId = 'meeting-981633-1';
  const at = (): string => t.now.toISOString();
  const handoff = parseHandoff(document(meetingId, [action(1, 'high')]));
  t.called({ meetingId, slot: 981633, deadline: at() });
  t.meetingClosed(meetingId, { handoff: handoffDocument.parse(document(meetingId, [action(1, 'high')])) });
  tick(t);
  assert.equal(lostPlan(t.world, t.now, 30_000), undefined, 'it may still be on its way');
  t.advance(31);
  assert.equal(lostPlan(t.world, t.now, 30_000)?.meeting_id, handoff.planId);
  t.append(aggregates.schedule, intakeEvents(t.world, handoff, t.now));
  assert.equal(lostPlan(t.world, t.now, 30_000), undefined);
});

test('priorities hold in every plan, however completions interleave', () => {
  const rank = { high: 0, medium: 1, low: 2 } as const;
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom<Priority>('high', 'medium', 'low'), { minLength: 1, maxLength: 12 }),
      fc.infiniteStream(fc.nat()),
      (priorities, picks) => {
        const t = new TestWorld();
        accept(
          t,
          document(
            'p',
            priorities.map((priority, i) => action(i, priority)),
          ),
        );
        for (
          let turn = 0;
          turn < 200 && Object.values(t.world.schedule.actions).some((a) => a.state !== 'ended');
          turn++
        ) {
          for (const id of dispatched(tick(t))) {
            const started = t.world.schedule.actions[id] ?? assert.fail();
            const above = Object.values(t.world.schedule.actions).filter(
              (a) => rank[a.priority] < rank[started.priority],
            );
            assert.ok(
              above.every((a) => a.state === 'ended'),
              `${id} (${started.priority}) started before a higher one had ended`,
            );
          }
          const running = Object.values(t.world.schedule.actions).filter(
            (a) => a.state === 'dispatched' && t.world.actions[a.actionId] === undefined,
          );
          const pick = running[(picks.next().value ?? 0) % Math.max(1, running.length)];
          if (pick !== undefined) complete(t, pick.actionId);
          t.advance(60);
        }
        assert.ok(
          Object.values(t.world.schedule.actions).every((a) => a.state === 'ended'),
          'everything ends',
        );
      },
    ),
    { numRuns: 100 },
  );
});

test('the same document again is known, the same id with other content is refused', () => {
  const t = new TestWorld();
  const doc = document('p', [action(1, 'high')]);
  accept(t, doc);
  assert.equal(decideIntake(t.world, parseHandoff(structuredClone(doc))).kind, 'known');
  assert.throws(
    () => decideIntake(t.world, parseHandoff(document('p', [action(1, 'low')]))),
    (error: ConclaveError) =>
      isConclaveError(error, 'CVE_HANDOFF_ID_TAKEN') && /meeting_id p was taken in/.test(error.message),
  );
});

test("a handoff under a meeting's id that is not that meeting's is refused", () => {
  assert.throws(
    () => decideIntake(new TestWorld().world, parseHandoff(document('meeting-981633-1', [action(1, 'high')]))),
    (error: ConclaveError) => isConclaveError(error, 'CVE_HANDOFF_NOT_THE_MEETINGS'),
  );
});

test('an incident that comes at a regular slot is what the meeting is called for, and the slot is used up', () => {
  const t = new TestWorld();
  tick(t);
  t.incident('P0', { incidentId: 'p0', title: 'down', model: undefined });
  t.advance(1800);
  const [called] = tick(t).filter((e) => e.type === 'schedule.meeting_called');
  assert.deepEqual([called?.data.reason, called?.data.detail], ['incident', 'P0 p0: down']);
  assert.equal(t.world.schedule.lastMeetingSlot, called?.data.slot);
});

test('no two meetings of a long slot have the same id', () => {
  const t = appliedWorld();
  const ids = new Set<string>();
  for (let n = 0; n < 120; n++) {
    const meetingId = nextMeetingId(t.world, 7);
    ids.add(meetingId);
    t.called({ meetingId, slot: 7, reason: 'requested' });
  }
  assert.equal(ids.size, 120);
});

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { EXECUTIVE_ROLES, PLANNING_ROLES, type SeatingReport, type SeatStatus } from '@conclave/contracts';
import { seatingOf, whyNobodyDecides } from '../seating.ts';
import { describeSeating, seatingLines } from './seating.ts';

const NO_KEY = 'ANTHROPIC_API_KEY and OPENAI_API_KEY are not set';
const WAY = 'set ANTHROPIC_API_KEY or OPENAI_API_KEY';

const seat = (role: string, more: Partial<SeatStatus> = {}): SeatStatus => ({
  role,
  state: 'present',
  speaker: { adapter: 'anthropic', model: 'claude-opus-5-5' },
  reason: '',
  wayOut: '',
  warnings: [],
  ...more,
});
const absent = (role: string): SeatStatus => seat(role, { state: 'absent', reason: NO_KEY, wayOut: WAY });

function report(team: 'planning' | 'executive', seats: readonly SeatStatus[], instance = `${team}-0`): SeatingReport {
  const at = '2026-11-27T05:00:00.000Z';
  return { team, instance, at, seats: [...seats], ...(team === 'planning' ? { quorum: 4 } : {}) };
}
const planning = (absences: number) =>
  report(
    'planning',
    PLANNING_ROLES.map((role, index) => (index < absences ? absent(role) : seat(role))),
  );
const executive = (absences: number) =>
  report(
    'executive',
    EXECUTIVE_ROLES.map((role, index) => (index < absences ? absent(role) : seat(role))),
  );

suite('who sits', () => {
  test('all present is one line', () => {
    const description = describeSeating(seatingOf([planning(0), executive(0)]));
    assert.equal(description.level, 'good');
    assert.deepEqual(seatingLines(description), ['all 12 agents present, all anthropic claude-opus-5-5']);
    assert.equal(whyNobodyDecides(seatingOf([planning(0)])), undefined);
  });

  test('rules is said to be no LLM', () => {
    const rules = { speaker: { adapter: 'rules', model: 'rules' } } as const;
    const reports = [
      report(
        'planning',
        PLANNING_ROLES.map((role) => seat(role, rules)),
      ),
      report(
        'executive',
        EXECUTIVE_ROLES.map((role) => seat(role, rules)),
      ),
    ];
    assert.equal(describeSeating(seatingOf(reports)).headline, 'all 12 agents present, all rules (no LLM)');
  });

  test('absent advisors below the quorum: who, why, and what to do, in every sentence', () => {
    const seating = seatingOf([planning(4), executive(1)]);
    const description = describeSeating(seating);
    assert.equal(description.level, 'bad');
    assert.deepEqual(seatingLines(description), [
      '5 of 12 agents are absent: no quorum, 4 ballots needed, 2 can vote',
      `absent: moderator, pre_architect, data_analyst, tech_analysis, ops_commander: ${NO_KEY}`,
      `what to do: ${WAY}; see conclave doctor`,
    ]);
    const why = `no meeting can decide: 2 of 6 advisors present, quorum 4: ${WAY}; see conclave doctor`;
    assert.equal(whyNobodyDecides(seating), why);
  });

  test('a whole team is named as one', () => {
    const [, line] = seatingLines(describeSeating(seatingOf([planning(6), executive(1)])));
    assert.equal(line, `absent: the whole planning team, ops_commander: ${NO_KEY}`);
  });

  test('absences that leave the quorum are told, and decide nothing', () => {
    const seating = seatingOf([planning(2), executive(0)]);
    const description = describeSeating(seating);
    assert.equal(description.level, 'warn');
    assert.equal(description.headline, '2 of 12 agents are absent: the quorum is met, 4 ballots needed, 4 can vote');
    assert.equal(whyNobodyDecides(seating), undefined);
  });

  test('substitutes and models that end soon are told too', () => {
    const soon = 'claude-opus-5-5 is shut down on 2026-12-01';
    const substituted = seat('moderator', {
      state: 'substitute',
      reason: 'anthropic does not answer',
      warnings: [soon],
    });
    const seats = PLANNING_ROLES.map((role) => (role === 'moderator' ? substituted : seat(role)));
    const description = describeSeating(seatingOf([report('planning', seats), executive(0)]));
    assert.equal(description.level, 'warn');
    assert.deepEqual(seatingLines(description), [
      'all 12 agents present, 1 by a substitute',
      'substituted: moderator: anthropic does not answer',
      `soon: ${soon}`,
    ]);
  });

  test('a team that nobody reports is not taken for a present one', () => {
    const seating = seatingOf([executive(0)]);
    assert.match(whyNobodyDecides(seating) ?? '', /^no meeting can be held: no planner reports/);
    const description = describeSeating(seating);
    assert.equal(description.headline, 'no planner reports its six advisors: no meeting can be held');
    assert.equal(description.level, 'bad');
    const noWorkers = describeSeating(seatingOf([planning(0)]));
    assert.equal(
      noWorkers.headline,
      'no executor reports its six workers: the quorum is met, 4 ballots needed, 6 can vote',
    );
    assert.equal(noWorkers.level, 'bad');
  });

  test('where replicas differ the worse counts: either may hold the next meeting', () => {
    const restarted = report(
      'planning',
      PLANNING_ROLES.map((role) => seat(role)),
      'planning-1',
    );
    assert.equal(
      seatingOf([restarted, planning(6)]).planning?.every(({ state }) => state === 'absent'),
      true,
    );
  });
});

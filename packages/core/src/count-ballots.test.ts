import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Ballot, PLANNING_ROLES, type PlanningRole } from '@conclave/contracts';
import { countBallots } from './count-ballots.ts';

const RULES = { quorum: 4, majority: 0.5, veto: ['critic'] as const };
type Vote = Ballot['vote'];

const cast = (votes: Partial<Record<PlanningRole, Vote>>, verdictSet = 'set') =>
  PLANNING_ROLES.flatMap((role) => {
    const vote = votes[role];
    return vote === undefined ? [] : [{ role, ballot: { rolloutId: 'r', verdictSet, vote, reason: 'x' } }];
  });

const CASES: readonly [string, Partial<Record<PlanningRole, Vote>>, 'go' | 'no_go'][] = [
  [
    'all go',
    { moderator: 'go', pre_architect: 'go', data_analyst: 'go', tech_analysis: 'go', critic: 'go', cotrr_team: 'go' },
    'go',
  ],
  ['a bare majority', { moderator: 'go', pre_architect: 'go', data_analyst: 'no_go', cotrr_team: 'go' }, 'go'],
  ['a tie', { moderator: 'go', pre_architect: 'go', data_analyst: 'no_go', tech_analysis: 'no_go' }, 'no_go'],
  ['no quorum', { moderator: 'go', pre_architect: 'go', data_analyst: 'go' }, 'no_go'],
  [
    'abstentions make a quorum',
    { moderator: 'go', pre_architect: 'abstain', data_analyst: 'abstain', tech_analysis: 'abstain' },
    'go',
  ],
  [
    'only abstentions',
    { moderator: 'abstain', pre_architect: 'abstain', data_analyst: 'abstain', tech_analysis: 'abstain' },
    'no_go',
  ],
  ['nobody', {}, 'no_go'],
  [
    "the critic's veto",
    {
      moderator: 'go',
      pre_architect: 'go',
      data_analyst: 'go',
      tech_analysis: 'go',
      critic: 'no_go',
      cotrr_team: 'go',
    },
    'no_go',
  ],
];
for (const [name, votes, decision] of CASES)
  test(`${name}: ${decision}`, () => assert.equal(countBallots(cast(votes), 'set', RULES).decision, decision));

test('ballots on other verdicts are void', () => {
  const votes = { moderator: 'go', pre_architect: 'go', data_analyst: 'go', tech_analysis: 'go' } as const;
  const tally = countBallots(cast(votes, 'an older set'), 'set', RULES);
  assert.equal(tally.decision, 'no_go');
  assert.equal(tally.void.length, 4);
});

test('the first ballot of a role counts', () => {
  const votes = { moderator: 'no_go', pre_architect: 'no_go', data_analyst: 'no_go', tech_analysis: 'no_go' } as const;
  const again = cast({ moderator: 'go', pre_architect: 'go', data_analyst: 'go', tech_analysis: 'go' });
  assert.equal(countBallots([...cast(votes), ...again], 'set', RULES).decision, 'no_go');
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Ballot, PLANNING_ROLES, type PlanningRole } from '@conclave/contracts';
import { historyIn } from '@conclave/histories';
import { briefOf, rolloutIn } from '../testing/brief.ts';
import { type CastBallot, type Count, countVotes } from './count.ts';

type Votes = Partial<Record<PlanningRole, Ballot['vote']>>;

const ripe = briefOf(historyIn().allPassed());

function count(votes: Votes, options: { brief?: typeof ripe; verdictSet?: string; majority?: number } = {}): Count {
  const brief = options.brief ?? ripe;
  const { rolloutId, verdictSet } = rolloutIn(brief);
  const cast = PLANNING_ROLES.flatMap((role): CastBallot[] => {
    const vote = votes[role];
    if (vote === undefined) return [];
    return [{ role, ballot: { rolloutId, verdictSet: options.verdictSet ?? verdictSet, vote, reason: 'why' } }];
  });
  const voting = { ...brief.voting, majority: options.majority ?? brief.voting.majority };
  const [counted] = countVotes({ ...brief, voting }, cast);
  if (counted === undefined) throw new Error('nothing was counted');
  return counted;
}

const all = (vote: Ballot['vote']): Votes => Object.fromEntries(PLANNING_ROLES.map((role) => [role, vote]));

test('six go are go to the next stage, on the verdicts and the epoch of the brief', () => {
  const { decision } = count(all('go'));
  assert.equal(decision?.decision, 'go');
  assert.equal(decision?.toStage, '5_percent');
  assert.equal(decision?.stageEpoch, 1);
  assert.equal(decision?.verdictSet, rolloutIn(ripe).verdictSet);
});

test('four ballots are a quorum, three are none', () => {
  const three: Votes = { moderator: 'go', pre_architect: 'go', data_analyst: 'go' };
  assert.equal(count({ ...three, cotrr_team: 'abstain' }).decision?.decision, 'go');
  assert.deepEqual([count(three).quorate, count(three).decision], [false, undefined]);
});

test('a tie is no_go, whatever the abstentions', () => {
  const tie: Votes = { moderator: 'go', pre_architect: 'no_go', data_analyst: 'abstain', cotrr_team: 'abstain' };
  assert.equal(count(tie).decision?.decision, 'no_go');
});

test('the majority must be exceeded', () => {
  const four: Votes = { ...all('go'), pre_architect: 'no_go', data_analyst: 'no_go' };
  assert.equal(count(four).decision?.decision, 'go');
  assert.equal(count(four, { majority: 0.7 }).decision?.decision, 'no_go');
});

test('a veto outweighs five go, and the five are dissent', () => {
  const counted = count({ ...all('go'), critic: 'no_go' });
  assert.equal(counted.decision?.decision, 'no_go');
  assert.equal(counted.dissent.length, 5);
});

test('dissent from a go is kept with its reason', () => {
  const { dissent } = count({ ...all('go'), cotrr_team: 'no_go' });
  assert.deepEqual(dissent, ['cotrr_team voted no_go on emoji-search-1-1: why']);
});

test('all abstaining decides nothing', () => {
  const counted = count(all('abstain'));
  assert.deepEqual([counted.quorate, counted.decision], [true, undefined]);
});

test('ballots on other verdicts are void', () => {
  const counted = count(all('go'), { verdictSet: 'sha256:other' });
  assert.deepEqual([counted.quorate, counted.decision], [false, undefined]);
  assert.match(counted.sentence, /void, on other verdicts: moderator/);
});

test('a vote while the stage soaks decides nothing yet', () => {
  const counted = count(all('go'), { brief: briefOf(historyIn().allPassed(), 4) });
  assert.equal(counted.decision, undefined);
  assert.match(counted.sentence, /too early, 6 s of the soak of 10 s/);
});

test('in the last stage go leads to no further stage', () => {
  const { decision } = count(all('go'), { brief: briefOf(historyIn('production').allPassed()) });
  assert.equal(decision?.decision, 'go');
  assert.equal(decision?.toStage, undefined);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MESSAGE_LIMIT_BYTES, PLANNING_ROLES, parseHandoff } from '@conclave/contracts';
import { at, history, historyIn } from '@conclave/histories';
import type { ProposedAction } from '../advisors/advisor.ts';
import { type Brief, rolloutsToVoteOn } from '../brief/schema.ts';
import { briefOf, rolloutIn } from '../testing/brief.ts';
import { countVotes } from './count.ts';
import { type CheckedPlan, checkedPlan } from './plan.ts';

/** The plan of a brief on which all voted `vote`. */
function planOf(brief: Brief, vote: 'go' | 'no_go' | 'abstain', proposed: readonly ProposedAction[]): CheckedPlan {
  const rollout = brief.models[0]?.rollout;
  const { rolloutId, verdictSet } = rollout?.stage == null ? { rolloutId: '', verdictSet: '' } : rolloutIn(brief);
  const cast = PLANNING_ROLES.map((role) => ({ role, ballot: { rolloutId, verdictSet, vote, reason: 'why' } }));
  const timestamp = at(60).toISOString();
  return checkedPlan({ brief, counts: countVotes(brief, cast), proposed, timestamp, source: 'planning_meeting_1' });
}

const check: ProposedAction = {
  action: 'Check the logs',
  owner: 'infra_guardian',
  priority: 'medium',
  estimated_duration: '1min',
  success_criteria: 'errors == 0',
};
const deploy = (stage: string): ProposedAction => ({
  ...check,
  owner: 'ops_commander',
  tool: 'deploy_model',
  args: { model: 'emoji-search', version: '1.1', stage },
});
const earned = briefOf(historyIn().allPassed());

const actionsOf = ({ handoff }: CheckedPlan): string[] => (handoff?.actions ?? []).map((a) => a.tool ?? a.action);

test('a go brings its deploy action, first and once', () => {
  const { handoff, remarks } = planOf(earned, 'go', [check, deploy('5_percent')]);
  assert.deepEqual(remarks, []);
  assert.deepEqual(
    handoff?.actions.map(({ id, tool, owner, priority }) => [id, tool, owner, priority]),
    [
      [1, 'deploy_model', 'ops_commander', 'high'],
      [2, undefined, 'infra_guardian', 'medium'],
    ],
  );
  assert.deepEqual(handoff?.actions[0]?.args, { model: 'emoji-search', version: '1.1', stage: '5_percent' });
});

test('what depends on the deploy as the moderator listed it depends on the one that is there', () => {
  const smoke = { ...check, tool: 'smoke_test', owner: 'integration_engineer', depends_on: [1, 3] };
  const { handoff, remarks } = planOf(earned, 'go', [deploy('5_percent'), smoke, deploy('5_percent')]);
  assert.deepEqual(remarks, []);
  assert.deepEqual(
    handoff?.actions.map(({ id, tool, depends_on }) => [id, tool, depends_on]),
    [
      [1, 'deploy_model', []],
      [2, 'smoke_test', [1]],
    ],
  );
});

test('an action that names its dependency many times depends on it once', () => {
  const patient = { ...check, action: 'Check again', depends_on: Array.from({ length: 60 }, () => 1) };
  const { handoff, remarks } = planOf(earned, 'abstain', [check, patient]);
  assert.deepEqual(remarks, []);
  assert.deepEqual(handoff?.actions[1]?.depends_on, [1]);
});

test('an action that makes the document invalid is dropped alone, with its reason and what depends on it', () => {
  const crowded = Array.from({ length: 60 }, (_, i) => ({ ...check, action: `check ${i + 1}` }));
  const after = { ...check, action: 'after the last', depends_on: [60] };
  const { handoff, remarks } = planOf({ ...earned, maxActions: 100 }, 'abstain', [...crowded, after]);
  assert.equal(handoff?.actions.length, 50);
  assert.match(remarks.join(), /Dropped check 51: CVE_HANDOFF_INVALID/);
  assert.doesNotThrow(() => parseHandoff(handoff));
});

test('the handoff parses, with ids from 1 and the count', () => {
  const { handoff } = planOf(earned, 'go', [check, { ...check, depends_on: [1] }]);
  const plan = parseHandoff(handoff);
  assert.equal(plan.planId, 'meeting-1');
  assert.deepEqual(plan.actions.at(-1)?.dependsOn, ['meeting-1:2']);
  assert.equal(handoff?.count, 3);
});

test('nothing to do makes no handoff', () => {
  assert.equal(planOf(earned, 'abstain', []).handoff, undefined);
});

test('a deploy that the ballots did not earn is dropped', () => {
  for (const vote of ['no_go', 'abstain'] as const) {
    const plan = planOf(earned, vote, [deploy('5_percent'), check]);
    assert.deepEqual(actionsOf(plan), ['Check the logs']);
    assert.match(plan.remarks.join(), /no go of this meeting/);
  }
  assert.match(planOf(earned, 'go', [deploy('production')]).remarks.join(), /no go of this meeting/);
});

test('the first stage needs no ballots, and cannot be jumped over', () => {
  const applied = briefOf(history().adopted().applied());
  assert.deepEqual(actionsOf(planOf(applied, 'abstain', [deploy('shadow')])), ['deploy_model']);
  assert.match(planOf(applied, 'abstain', [deploy('production')]).remarks.join(), /must enter shadow first/);
});

test('a go in observe deploys nothing', () => {
  const plan = planOf(briefOf(historyIn('shadow', { applied: { authority: 'observe' } }).allPassed()), 'go', []);
  assert.equal(plan.handoff, undefined);
  assert.match(plan.remarks.join(), /authority is observe/);
});

test('a deploy that is under way is not asked for again', () => {
  const history = historyIn().allPassed().planned('p1', ['deploy_model'], { stage: '5_percent' }).dispatched('p1:1');
  assert.equal(planOf(briefOf(history), 'go', []).handoff, undefined);
});

test('unknown owners, tools and priorities and forbidden tools are dropped alone, and said', () => {
  const plan = planOf(earned, 'abstain', [
    { ...check, owner: 'janitor' },
    { ...check, tool: 'format_disk' },
    { ...check, priority: 'urgent' },
    { ...check, tool: 'rollback_model' },
    check,
  ]);
  assert.deepEqual(actionsOf(plan), ['Check the logs']);
  assert.deepEqual(
    plan.remarks.map((remark) => /CVE_[A-Z_]+/.exec(remark)?.[0]),
    [
      'CVE_HANDOFF_OWNER_UNKNOWN',
      'CVE_HANDOFF_TOOL_UNKNOWN',
      'CVE_HANDOFF_PRIORITY_UNKNOWN',
      'CVE_HANDOFF_TOOL_FORBIDDEN',
    ],
  );
});

test('what depends on a dropped, later or circular action is dropped with it', () => {
  const proposed = [
    { ...check, owner: 'janitor' },
    { ...check, action: 'after the dropped', depends_on: [1] },
    { ...check, action: 'round', depends_on: [4] },
    { ...check, action: 'and round', depends_on: [3] },
    { ...check, action: 'high', priority: 'high', depends_on: [6] },
    { ...check, action: 'medium' },
  ];
  assert.deepEqual(actionsOf(planOf(earned, 'abstain', proposed)), ['medium']);
});

test('beyond the limit the least urgent go, with what depends on them', () => {
  const many = Array.from({ length: 21 }, (_, i) => ({ ...check, action: `check ${i}` }));
  const proposed = [{ ...check, action: 'last', priority: 'low' }, ...many.slice(1)];
  const plan = planOf(earned, 'go', proposed);
  assert.equal(plan.handoff?.actions.length, 20);
  assert.ok(!actionsOf(plan).includes('last'));
  assert.match(plan.remarks.join(), /beyond the limit of 20/);
});

test('a handoff stays below the size limit', () => {
  const args = { note: 'x'.repeat(20_000) };
  const plan = planOf(
    earned,
    'abstain',
    Array.from({ length: 5 }, () => ({ ...check, args })),
  );
  assert.ok(Buffer.byteLength(JSON.stringify(plan.handoff)) <= MESSAGE_LIMIT_BYTES);
  assert.equal(plan.handoff?.actions.length, 3);
  assert.equal(plan.remarks.length, 2);
});

test('a go that stands brings its deploy action while nobody carries it out', () => {
  const standing = historyIn().allPassed().voted('go');
  assert.deepEqual(actionsOf(planOf(briefOf(standing), 'abstain', [])), ['deploy_model']);
  const underWay = historyIn().allPassed().voted('go').planned('p1', ['deploy_model'], { stage: '5_percent' });
  assert.deepEqual(actionsOf(planOf(briefOf(underWay.dispatched('p1:1')), 'abstain', [])), []);
  const refused = planOf(briefOf(historyIn().allPassed().voted('no_go')), 'go', [deploy('5_percent')]);
  assert.deepEqual(actionsOf(refused), []);
  assert.match(refused.remarks.join(), /the vote of meeting-0 on 1\.1 stands, and it does not lead to 5_percent now/);
});

test('a go that waits for a person brings its deploy once that person has approved', () => {
  const waiting = history().adopted().applied({ authority: 'recommend' }).inStage('shadow').allPassed().voted('go');
  assert.deepEqual(actionsOf(planOf(briefOf(waiting), 'abstain', [])), []);
  assert.deepEqual(actionsOf(planOf(briefOf(waiting.approved()), 'abstain', [])), ['deploy_model']);
});

test('what has been voted on is not voted on again, until the no_go is lifted', () => {
  const objections = [{ role: 'critic', reason: 'too few', needs: ['smoke_test'], until: at(600).toISOString() }];
  const stands = historyIn().allPassed().voted('no_go', { objections });
  const brief = briefOf(stands);
  assert.deepEqual(rolloutsToVoteOn(brief), []);
  assert.deepEqual(rolloutIn(brief).objections, objections);
  assert.equal(rolloutsToVoteOn(briefOf(stands.voteLifted())).length, 1);
});

test('a no_go brings what it asks for, as far as a tool with known arguments brings it', () => {
  const rollout = rolloutIn(earned);
  const { rolloutId, verdictSet } = rollout;
  const needs = ['run_evaluation', 'run_python_script', 'more_trust'];
  const cast = PLANNING_ROLES.map((role) => ({
    role,
    ballot: { rolloutId, verdictSet, vote: 'no_go' as const, reason: 'why', ...(role === 'critic' ? { needs } : {}) },
  }));
  const timestamp = at(60).toISOString();
  const plan = (proposed: readonly ProposedAction[]): CheckedPlan =>
    checkedPlan({ brief: earned, counts: countVotes(earned, cast), proposed, timestamp, source: 's' });
  const { handoff } = plan([]);
  assert.deepEqual(
    handoff?.actions.map(({ tool, args }) => [tool, args]),
    [['run_evaluation', { model: 'emoji-search', version: '1.1' }]],
  );
  const listed = { ...check, owner: 'compliance_monitor', tool: 'run_evaluation', args: { model: 'emoji-search' } };
  assert.equal(plan([listed]).handoff?.actions.length, 1, 'not twice');
});

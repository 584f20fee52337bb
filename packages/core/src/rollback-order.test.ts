import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { subjects } from '@conclave/contracts';
import { isRollbackOrder, isRollbackText, workSubjectOf } from './rollback-order.ts';

describe('an order to roll back', () => {
  for (const text of [
    'Roll back V1.0',
    'Roll back V1.0 to the previous version',
    'Roll back V1.0 and serve stable',
    'Rollback V1.1',
    'ROLLBACK NOW',
    'Rollback',
    'Roll-back the candidate',
    'Rollback the candidate',
    'Roll back emoji-search 1.1 to 1.0',
    'Roll back emoji-search immediately',
    'Roll back emoji-search',
    'Roll back the new model',
    'Roll back production to V1.0',
    'Roll back all traffic to stable',
    'Roll back to V1.0',
    'Roll back from V1.1 to V1.0',
    'Roll V1.1 back',
    'Roll the candidate back to stable',
    'Immediately roll back V1.1',
    'URGENT: roll back V1.1!',
    'Please, now roll back version 1.1',
    'Execute rollback of V1.1',
    'Perform an immediate rollback to stable',
    'Trigger rollback',
    'Initiate the emergency rollback for emoji-search',
    'Abort the rollout',
    'Revert to version 1.0',
    'Revert V1.1',
    'Roll back V1.1 now: users see errors when they search',
    'Roll back V1.1 because latency rises whenever two users ask at once',
    'Roll back V1.1. If it fails, call the operator',
    'Roll back V1.1 as P95 is 71 ms',
  ]) {
    test(text, () => assert.equal(isRollbackText(text), true));
  }
});

describe('no order to roll back', () => {
  for (const text of [
    'Do not roll back V1.1',
    "Don't roll back V1.1",
    'Run rollback test',
    'Rollback test of V1.1',
    'Rollback plan review',
    'Rollback plan',
    'Rollback drill',
    'Roll-back readiness',
    'Roll back procedure review',
    'Verify rollback procedure of V1.1',
    'Execute rollback test for V1.1',
    'Perform rollback drill',
    'Prepare to roll back V1.1',
    'Be ready to roll back V1.1',
    'Consider whether to abort the rollout',
    'Roll out V1.1 to 5%',
    'Revert the documentation change',
    'Roll back V1.1 if P95 exceeds 50 ms',
    'Roll back V1.1 to stable on any failure',
    'Roll back V1.1 as needed',
    'Roll back when the error rate is above 1%',
    'Abort the rollout should NDCG fall',
    'If P95 > 50 ms, roll back V1.1',
    'Deploy V1.1 to shadow, roll back on errors',
  ]) {
    test(text, () => assert.equal(isRollbackText(text), false));
  }
});

test('the tool says more than the text, and the role more than both', () => {
  const action = 'Take V1.1 off the users';
  assert.equal(isRollbackOrder({ owner: 'rollback_officer', action, tool: 'rollback_model' }), true);
  assert.equal(isRollbackOrder({ owner: 'rollback_officer', action }), false);
  assert.equal(isRollbackOrder({ owner: 'rollback_officer', action: 'Roll back V1.1', tool: 'smoke_test' }), false);
  assert.equal(isRollbackOrder({ owner: 'latency_analyst', action: 'Roll back V1.1' }), false);
});

test('a rollback goes to its workers by another subject than everything else', () => {
  const owner = 'rollback_officer';
  assert.equal(workSubjectOf({ owner, action: 'Roll back V1.1' }), subjects.workRollback(owner));
  assert.equal(workSubjectOf({ owner, action: 'Run rollback test' }), subjects.workAction(owner));
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { API } from '../api.ts';
import { parseHandoff } from '../handoff.ts';
import { checkEvents } from './parse.ts';

const aborted = (data: object) => ({ id: 'e', type: 'rollout.aborted', at: '2026-01-01T00:00:00.000Z', data });

test('the longest names that a handoff may bring fit into the journal', () => {
  const { actions } = parseHandoff({
    timestamp: '2026-01-01T00:00:00',
    meeting_id: 'm'.repeat(100),
    actions: [{ id: 'a'.repeat(100), action: 'roll back', owner: 'rollback_officer', priority: 'high' }],
    count: 1,
  });
  const requestedBy = actions[0]?.actionId ?? assert.fail();
  const request = API.rollback.request.parse({ model: 'm', reason: 'r', requestedBy });
  assert.doesNotThrow(() =>
    checkEvents('rollouts', [aborted({ rolloutId: 'r', by: request.requestedBy, reason: request.reason })]),
  );
});

test('what the API lets in can be recorded, and nothing longer gets in', () => {
  const request = { model: 'm', reason: 'r', requestedBy: 'x'.repeat(301) };
  assert.equal(API.rollback.request.safeParse(request).success, false);
  assert.equal(API.deploy.request.safeParse({ ...request, version: '1', stage: 'shadow' }).success, false);
});

test('an event that no reader could read is refused, and named', () => {
  assert.throws(() => checkEvents('rollouts', [aborted({ rolloutId: 'r', by: '', reason: 'r' })]), {
    code: 'CVE_MESSAGE_MALFORMED',
    message: /event rollout\.aborted does not belong into rollouts: data\.by/,
  });
  assert.throws(() => checkEvents('schedule', [aborted({ rolloutId: 'r', by: 'b', reason: 'r' })]), {
    code: 'CVE_MESSAGE_MALFORMED',
  });
});

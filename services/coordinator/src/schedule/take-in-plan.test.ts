import assert from 'node:assert/strict';
import { test } from 'node:test';
import { handoffDocument, parseHandoff } from '@conclave/contracts';
import { clockOf, writerOf } from '../testing/memory-writer.ts';
import { TestWorld } from '../testing/test-world.ts';
import { takeInPlan } from './take-in-plan.ts';

test("a meeting's plan that arrives before the news of its close is taken in", async () => {
  const t = new TestWorld();
  const meetingId = 'meeting-7-1';
  const handoff = {
    timestamp: '2026-01-01T00:00:00',
    meeting_id: meetingId,
    actions: [{ id: 1, action: 'deploy', owner: 'ops_commander', priority: 'high' }],
    count: 1,
  };
  const closed = () => t.meetingClosed(meetingId, { handoff: handoffDocument.parse(handoff) });
  const answer = await takeInPlan(parseHandoff(handoff), writerOf(t, closed), clockOf(t));
  assert.equal(answer.accepted, 'taken_in');
});

import type { PlanningRole } from '@conclave/contracts';
import { type History, history, plannedAction, RULES } from '@conclave/histories';

/** 1.1 is too slow at 5% and taken back; 1.2 cannot be measured, nobody decides, and an operator ends it. */
export function refused(): History {
  const h = history({ start: '2026-03-09T08:00:00.000Z' });
  h.elected(3, 'coordinator-1').leaderChanged(3, 'coordinator-1').registered(['1.0', '1.1', '1.2']).datasetRegistered();
  h.adopted().stableServing().applied({ soakSeconds: 600 }).entered('shadow').wait(4).serving().allPassed();
  h.voted('go', { meetingId: 'meeting-1-1', yes: ['moderator', 'critic'] })
    .advanced('5_percent')
    .wait(4)
    .serving();
  h.trafficSeen().wait(90).verdict('p0_incidents', 'pass').breached().wait(2);
  h.incident('P0', { title: 'Search is slow', detail: 'P95 71 ms', source: 'coordinator-1' });
  h.held('incident', { holdId: 'incident-1', by: 'coordinator-1', reason: 'P0 incident-1 is open' });
  h.wait(60)
    .reportedAgain(2)
    .acknowledged()
    .reportedAgain(4)
    .wait(900)
    .resolved()
    .released('incident-1', 'incident resolved');
  h.about({ candidate: '1.2' }).applied({ soakSeconds: 600 }).entered('shadow').wait(4).serving();
  unmeasurable(h);
  noQuorum(h);
  return h.verdict('ndcg@10', 'error', { value: null, interval: null, samples: 0 }).aborted({ reason: 'enough' });
}

/** The bundle cannot be loaded, a script may not run, and of one effect nobody knows. */
function unmeasurable(h: History): void {
  const request = h.offlineRequest({ baseline: undefined });
  h.evaluationStarted(request, { id: 'offline-1' }).wait(2).evaluationFailed(request, { id: 'offline-1' });
  h.evaluationStarted(h.rollbackTestRequest(), { id: 'test-1' }).wait(2).rollbackTested(false, { id: 'test-1' });
  const actions = ['succeeded', 'failed', 'blocked', 'uncertain', 'superseded'].map((outcome, index) =>
    plannedAction({ actionId: `plan-1:${index + 1}`, planId: 'plan-1', action: `ends ${outcome}`, tool: 'check_file' }),
  );
  h.accepted(actions, { origin: 'user', source: 'ada' });
  const [good, bad, blocked, uncertain] = actions;
  if (good !== undefined) h.carriedOut(good);
  if (blocked !== undefined) h.carriedOut(blocked, { ok: false, error: 'CVE_SCRIPT_FORBIDDEN: outside the roots' });
  if (bad !== undefined) failedTwice(h, bad.actionId);
  if (uncertain === undefined) return;
  h.dispatched(uncertain.actionId).started(uncertain.actionId).toolCalled(uncertain.actionId, 'check_file');
  h.actionCompleted(uncertain.actionId, { outcome: 'uncertain', summary: 'nobody can tell' }).ended(
    uncertain.actionId,
    'uncertain',
  );
  h.superseded('plan-1:5', 'plan-2');
}

function failedTwice(h: History, actionId: string): void {
  h.dispatched(actionId).started(actionId).toolCalled(actionId, 'check_file', { speaker: RULES }).wait(30);
  h.dispatched(actionId, 2).started(actionId, { attempt: 2, worker: 'executor-1' });
  h.toolReturned(actionId, 'check_file', { ok: false, result: null, error: 'CVE_TOOL_FAILED: no such file' });
  const criteria = [
    { text: 'no errors', verdict: 'unmet' as const, detail: 'one error' },
    { text: 'looks good', verdict: 'unjudged' as const, detail: 'nobody measures that' },
  ];
  h.actionCompleted(actionId, { outcome: 'failed', summary: 'no such file', criteria, speaker: RULES }).ended(
    actionId,
    'failed',
  );
}

/** Of six advisors one is there, and the next meeting passes its deadline. */
function noQuorum(h: History): void {
  h.called({ meetingId: 'meeting-2-1', slot: 2, reason: 'incident' }).meetingOpened('meeting-2-1', {
    reason: 'incident',
  });
  h.turn('meeting-2-1', 'statement', 'moderator');
  const rest: readonly PlanningRole[] = ['pre_architect', 'data_analyst', 'tech_analysis', 'critic', 'cotrr_team'];
  for (const role of rest) h.absent('meeting-2-1', role);
  h.meetingClosed('meeting-2-1', { outcome: 'no_quorum', summary: '1 of 6 advisors, quorum 4' });
  h.meetingEnded('meeting-2-1', 'no_quorum').called({ meetingId: 'meeting-3-1', slot: 3, reason: 'requested' });
  h.wait(600).meetingEnded('meeting-3-1', 'deadline_passed');
}

import { PLANNING_ROLES, STAGES } from '@conclave/contracts';
import { type History, history, plannedAction } from '@conclave/histories';

/** 1.1 earns production stage by stage, with meetings, plans and measurements, and is reverted at last. */
export function earned(): History {
  const h = history({ start: '2026-03-02T08:00:00.000Z' });
  h.elected().leaderChanged().registered().datasetRegistered().adopted().wait(4).stableServing(['gpu-runner-0']);
  h.heartbeat(1).skipped(1, 'nothing is adopted or applied').applied({ soakSeconds: 600 });
  const document = {
    ...{ timestamp: h.now.toISOString(), meeting_id: 'night-shift', count: 2, source: 'ada' },
    actions: [
      { id: 1, action: 'Look at the disk', owner: 'infra_guardian', priority: 'low', tool: 'check_file' },
      {
        id: 2,
        action: 'And at the log',
        owner: 'infra_guardian',
        priority: 'low',
        depends_on: [1],
        line: 'v2_research',
      },
    ],
  };
  h.handedOff(document, 'user').superseded('night-shift:2', 'meeting-1-1');
  for (const [index, stage] of STAGES.entries()) {
    const meetingId = `meeting-${index + 1}-1`;
    const deploy = plannedAction({
      ...{ actionId: `${meetingId}:1`, planId: meetingId, action: `Deploy V1.1 to ${stage}`, tool: 'deploy_model' },
      ...{ args: { model: 'emoji-search', version: '1.1', stage }, successCriteria: `stage == ${stage}` },
    });
    const measure = plannedAction({
      ...{ actionId: `${meetingId}:2`, planId: meetingId, action: 'Evaluate it', tool: 'run_evaluation' },
      ...{ owner: 'latency_analyst', args: { model: 'emoji-search', version: '1.1' }, dependsOn: [deploy.actionId] },
    });
    h.wait(900).called({
      meetingId,
      slot: index + 1,
      reason: 'stage_ready',
      agenda: [`rollout emoji-search-1-1 ${index}`],
    });
    const votes = (role: string) => (role === 'tech_analysis' ? 'abstain' : 'go') as 'abstain' | 'go';
    h.meeting({ meetingId, slot: index + 1, wasCalled: true, absent: ['cotrr_team'], ...(index > 0 ? { votes } : {}) });
    h.wait(1).accepted([deploy, measure]).meetingEnded(meetingId);
    const yes = PLANNING_ROLES.filter((role) => role !== 'cotrr_team' && role !== 'tech_analysis');
    if (index > 0) h.voted('go', { meetingId, yes, abstained: ['tech_analysis'] });
    h.wait(60).dispatched(deploy.actionId).started(deploy.actionId).toolCalled(deploy.actionId, 'deploy_model');
    if (index === 0) h.entered(stage, { requestedBy: deploy.actionId });
    else h.advanced(stage, deploy.actionId);
    h.toolReturned(deploy.actionId, 'deploy_model').actionCompleted(deploy.actionId).ended(deploy.actionId);
    h.wait(5).serving(['gpu-runner-0', 'gpu-runner-1']).wait(1).trafficSeen();
    measured(h, measure.actionId, index);
  }
  h.wait(600).summarised().completed().wait(86_400).reverted('it melts');
  return h.insight('Short queries are hard', { line: 'v2_research', source: 'ada' });
}

function measured(h: History, actionId: string, index: number): void {
  const id = `offline-emoji-search-1.1-${index}`;
  const testId = `rollback-test-${index}`;
  h.dispatched(actionId).started(actionId, { owner: 'latency_analyst' }).toolCalled(actionId, 'run_evaluation');
  h.evaluationStarted(h.offlineRequest(), { id })
    .wait(3)
    .evaluationProgressed(id, 300, 600)
    .wait(3)
    .evaluated(0.741, { id });
  h.toolReturned(actionId, 'run_evaluation').actionCompleted(actionId).ended(actionId);
  h.evaluationStarted(h.rollbackTestRequest(), { id: testId }).wait(1).rollbackTested(true, { id: testId });
  h.verdict('latency_p95_ms', 'running', { samples: 77 }).wait(300).allPassed();
}

import { type HandoffDocument, PLANNING_ROLES, parseHandoff, STAGES, type StageName } from '@conclave/contracts';
import { stageLabel } from '@conclave/core';
import { type Cast, digestFor, type History, history } from '@conclave/histories';
import { reasonOf, said } from './demo-speeches.ts';

const EMOJI = { model: 'emoji-search', stable: '1.0', candidate: '1.1', dataset: 'emoji' } as const;
const RANKER = { model: 'photo-ranker', stable: '2.0', candidate: '2.1', dataset: 'emoji' } as const;

export const DIGESTS = { '1.0': digestFor('emoji-search', '1.0'), '1.1': digestFor('emoji-search', '1.1') } as const;

/**
 * A day in the life of two models, ending at `now`: 1.2-slow was rolled back on its latency, 1.1 serves 20% and soaks, the ranker's
 * 2.1 completed; a P1 incident is open, a P0 was resolved; three meetings and their actions.
 */
export function realisticHistory(now: Date): History {
  const h = history({ ...EMOJI, start: new Date(now.getTime() - 4 * 3600_000) });
  h.elected().registered(['1.0', '1.1', '1.2-slow']).datasetRegistered().adopted().about(RANKER).adopted();
  completedRanker(h);
  rolledBackSlow(h.about({ ...EMOJI, candidate: '1.2-slow' }));
  apply(h.about(EMOJI));
  inShadow(h);
  atFivePercent(h);
  atTwentyPercent(h, now);
  return h;
}

function apply(h: History): void {
  const { model, version } = h.definition();
  h.applied({ rolloutId: `${model}-${version}`, soakSeconds: 1800 });
}

const serve = (h: History, stage: StageName): History => h.entered(stage).wait(5).serving();

function completedRanker(h: History): void {
  apply(h);
  for (const stage of STAGES) serve(h, stage).allPassed().wait(600).summarised({ candidateRequests: 4200 });
  h.completed();
}

function rolledBackSlow(h: History): void {
  apply(h);
  serve(h, 'shadow').allPassed().wait(600).summarised({ candidateRequests: 1100 });
  serve(h, '5_percent').wait(90).breached();
  h.incident('P0', { incidentId: 'inc-1', title: 'Search latency above the SLO', source: 'coordinator-0' });
  h.held('incident', { holdId: 'inc-1', by: 'coordinator-0', reason: 'P0 inc-1 is open' }).wait(900);
  h.resolved('inc-1', 'rolled back; cause found in the per-query index').released('inc-1', 'incident resolved');
  h.insight('Encoding every picture per query costs 60 ms: build the index at load.', {
    line: 'v1_production',
    source: 'latency_analyst',
  });
}

function inShadow(h: History): void {
  serve(h, 'shadow');
  carryOut(h, meet(h, { id: 'meeting-101', slot: 4, reason: 'stage_entered' }));
  h.allPassed().wait(1800);
  carryOut(h, meet(h, { id: 'meeting-102', slot: 5, reason: 'stage_ready' }));
  h.summarised();
}

function atFivePercent(h: History): void {
  serve(h, '5_percent').allPassed().wait(1800);
  carryOut(h, meet(h, { id: 'meeting-103', slot: 6, reason: 'stage_ready' }));
  h.summarised({ candidateRequests: 640 });
}

function atTwentyPercent(h: History, now: Date): void {
  h.at(new Date(now.getTime() - 1_100_000));
  serve(h, '20_percent').allPassed({}, ['rollback_test']).verdict('latency_p95_ms', 'running', { samples: 96 });
  h.incident('P1', { incidentId: 'inc-2', title: 'Dashboard lags behind', source: 'infra_guardian', model: undefined });
  h.skipped(7, 'nothing changed since meeting-103').wait(1090).heartbeat(44, { dispatched: 1 });
}

type Held = { readonly id: string; readonly slot: number; readonly reason: 'stage_entered' | 'stage_ready' };

/** A whole meeting with its plan; one for a stage that is ready finds for it. The advisor without a key is absent. */
function meet(h: History, { id, slot, reason }: Held): readonly ReturnType<typeof parseHandoff>['actions'][number][] {
  const { definition, stage = 'shadow' } = h.rollout;
  const toStage = reason === 'stage_ready' ? STAGES[STAGES.indexOf(stage) + 1] : undefined;
  const doubts = id === 'meeting-103';
  const votes = (role: string) =>
    role === 'tech_analysis' ? 'abstain' : doubts && role === 'data_analyst' ? 'no_go' : ('go' as const);
  const handoff = planOf(id, h.now, definition, toStage);
  h.meeting({
    ...{ meetingId: id, slot, reason, handoff, says: said, absent: ['cotrr_team'], reasons: reasonOf },
    detail: `${definition.model} ${definition.version}`,
    ...(toStage === undefined ? {} : { votes }),
    summary: toStage === undefined ? 'It soaks in shadow.' : `${definition.version} has earned ${stageLabel(toStage)}.`,
    dissent: doubts ? [`data_analyst: ${reasonOf('no_go')}`] : [],
  });
  h.meetingEnded(id).handedOff(handoff);
  const those = (vote: string) => PLANNING_ROLES.filter((role) => role !== 'cotrr_team' && votes(role) === vote);
  const sides = { yes: those('go'), no: those('no_go'), abstained: those('abstain') };
  if (toStage !== undefined) h.voted('go', { meetingId: id, ...sides });
  return parseHandoff(handoff).actions;
}

type Work = readonly [action: string, owner: string, priority: string, tool: string, criteria?: string];
const WORK: readonly Work[] = [
  ['Evaluate it on the validation set', 'latency_analyst', 'high', 'run_evaluation', 'NDCG@10 >= 0.72'],
  ['Prove that rollback works in this stage', 'rollback_officer', 'high', 'run_rollback_test', 'rollback test passed'],
  ['Collect the SLO metrics of the stage', 'compliance_monitor', 'medium', 'collect_metrics', 'All SLOs measured'],
  ['Smoke-test the search endpoint', 'integration_engineer', 'medium', 'smoke_test'],
  ['Check the disk of the runner host', 'infra_guardian', 'low', 'check_file'],
];

/** Five actions, and the deployment that a `go` implies. */
function planOf(
  id: string,
  at: Date,
  { model, version }: Pick<Cast, 'model'> & { version: string },
  toStage?: StageName,
) {
  const args = { model, version };
  const work: readonly Work[] =
    toStage === undefined
      ? WORK
      : [[`Deploy ${model} ${version} to ${stageLabel(toStage)}`, 'ops_commander', 'high', 'deploy_model'], ...WORK];
  const first = toStage === undefined ? 2 : 1;
  const actions = work.map(([action, owner, priority, tool, criteria], index) => ({
    ...{ id: first + index, action, owner, priority, tool },
    args: tool === 'check_file' ? { path: '/var/log' } : tool === 'deploy_model' ? { ...args, stage: toStage } : args,
    ...(criteria === undefined ? {} : { success_criteria: criteria }),
  }));
  const document: HandoffDocument = {
    ...{ timestamp: at.toISOString(), meeting_id: id, actions, count: actions.length, source: `planning_${id}` },
  };
  return document;
}

/** Dispatches and ends actions; those of the last plan stay under way, so that every state shows. */
function carryOut(h: History, actions: ReturnType<typeof meet>): void {
  const refused = 'CVE_SCRIPT_FORBIDDEN: /var/log is outside the allowed roots; use examples/';
  for (const action of actions) {
    const number = Number(action.actionId.split(':')[1]);
    const isLast = action.planId === 'meeting-103';
    if (isLast && number > 4) continue;
    const blocked = action.tool === 'check_file';
    h.carriedOut(action, {
      ...(blocked ? { ok: false, error: refused } : {}),
      ...(isLast && number === 4 ? { until: 'tool_called' as const } : {}),
    });
  }
}

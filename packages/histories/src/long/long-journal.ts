import {
  aggregates,
  type Commit,
  PLANNING_ROLES,
  type PlannedAction,
  parseHandoff,
  stageName,
} from '@conclave/contracts';
import { evaluationIdOf, nextStage } from '@conclave/core';
import { draft } from '../draft.ts';
import { type History, history } from '../history.ts';
import { sidesOf } from '../meetings.ts';
import { planOf } from './earning-plan.ts';
import { applyNext, begin, castOf, complete, enter, judge, type ModelStory, modelStories } from './model-story.ts';
import { briefOf, speech } from './speeches.ts';

const SLOT_SECONDS = 1800;
const HEARTBEATS = 6;
const PER_HEARTBEAT = 3;
/** Slots between two changes of leader. */
const TERM = 336;

/**
 * A journal as the services write it at the guide's pace, without end: every half hour a meeting of one model with its plan, every five
 * minutes a heartbeat that dispatches three actions, four models of which three roll out version after version while the first stands
 * at 20% from its first days on. About 80 commits in a slot; the same at every call.
 */
export function* longJournal(): Generator<Commit> {
  const h = history({ prefix: 'a-journal-of-a-million-signed-commits:' });
  const stories = modelStories();
  h.elected();
  for (const story of stories) begin(h, story);
  for (let slot = 0; ; slot++) {
    const story = stories[slot % stories.length];
    if (story === undefined) return;
    const start = h.now.getTime();
    if (slot > 0 && slot % TERM === 0) changeLeader(h, stories, 1 + slot / TERM);
    tellSlot(h.about(castOf(story)), story, slot);
    h.at(new Date(start + SLOT_SECONDS * 1000));
    yield* h.take();
  }
}

function changeLeader(h: History, stories: readonly ModelStory[], epoch: number): void {
  const leader = `coordinator-${epoch % 2}`;
  h.elected(epoch, leader);
  for (const story of stories) h.about(castOf(story)).leaderChanged(epoch, leader);
}

function tellSlot(h: History, story: ModelStory, slot: number): void {
  mishaps(h, slot);
  applyNext(h, story);
  if (slot % 9 === 8) {
    h.skipped(slot, 'nothing has changed since the last meeting');
    beat(h, slot, [], story);
    return;
  }
  const meetingId = `meeting-${slot}-1`;
  const actions = meet(h, story, slot, meetingId);
  beat(h, slot, actions, story);
  if (h.rollout.stage === 'production' && h.rollout.vote !== undefined) complete(h, story);
  else judge(h, story);
}

/** What comes from outside: incidents, insights, plans of users. */
function mishaps(h: History, slot: number): void {
  const incidentId = `incident-${slot}`;
  if (slot % 7 === 3) h.incident('P2', { incidentId, title: 'The dashboard lags behind', source: 'infra_guardian' });
  if (slot % 7 === 4 && slot > 3)
    h.acknowledged(`incident-${slot - 1}`)
      .wait(60)
      .resolved(`incident-${slot - 1}`);
  if (slot % 50 === 20) {
    h.incident('P0', { incidentId }).held('incident', { holdId: incidentId, reason: `P0 ${incidentId} is open` });
    h.wait(120).reportedAgain(2, incidentId).wait(600).resolved(incidentId).released(incidentId, 'incident resolved');
  }
  if (slot % 5 === 2) h.insight('Encoding every picture for each query costs 60 ms: build the index at load.');
  if (slot % 10 === 6) {
    const document = planOf(`night-shift-${slot}`, h.now, { ...named(h), toStage: undefined });
    h.handedOff({ ...document, actions: document.actions.slice(0, 1), count: 1, source: 'ada' }, 'user');
    const [action] = parseHandoff({ ...document, actions: document.actions.slice(0, 1), count: 1 }).actions;
    if (action !== undefined) h.superseded(action.actionId, `meeting-${slot}-1`);
  }
}

function named(h: History): { model: string; version: string } {
  const { model, current } = h.rolloutsOf();
  return { model, version: current?.definition.version ?? '1.0' };
}

/** The meeting of a slot with its vote, where there is something to vote on, and the plan that it hands off. */
function meet(h: History, story: ModelStory, slot: number, meetingId: string): readonly PlannedAction[] {
  const decides = h.rollout.stage !== undefined && story.measured;
  const refuses = story.staysOpen && h.rollout.stage === '20_percent';
  const votes = (role: string) =>
    refuses && role === 'critic' ? 'no_go' : role === 'tech_analysis' ? 'abstain' : 'go';
  if (h.rollout.vote?.decision === 'no_go' && h.rollout.vote.lifted === undefined) h.voteLifted();
  const toStage = decides || h.rollout.stage === undefined ? (refuses ? undefined : nextStage(h.rollout)) : undefined;
  const handoff = planOf(meetingId, h.now, { ...named(h), toStage });
  h.meeting({
    ...{ meetingId, slot, handoff, says: speech, brief: briefOf(h, meetingId) },
    reason: decides ? 'stage_ready' : 'slot',
    detail: decides ? `${h.rollout.rolloutId} has earned a vote` : `regular meeting of slot ${slot}`,
    ...(decides ? { votes } : {}),
  });
  h.wait(1).handedOff(handoff);
  if (decides) {
    h.voted(refuses ? 'no_go' : 'go', { meetingId, ...sidesOf(PLANNING_ROLES, votes) });
    if (h.rollout.definition.authority === 'recommend' && !refuses) h.wait(30).approved();
  }
  h.meetingEnded(meetingId);
  return parseHandoff(handoff).actions;
}

/** The heartbeats of a slot with what they dispatch, each action from its dispatch to its end. */
function beat(h: History, slot: number, actions: readonly PlannedAction[], story: ModelStory): void {
  for (let n = 0; n < HEARTBEATS; n++) {
    const batch = actions.slice(n * PER_HEARTBEAT, (n + 1) * PER_HEARTBEAT);
    const dispatched = batch.map(({ actionId }) => draft('schedule.action_dispatched', { actionId, attempt: 1 }));
    const number = slot * HEARTBEATS + n;
    h.heartbeat(number, { drains: batch.length > 0, dispatched: batch.length }, ...dispatched);
    for (const action of batch) h.wait(1).started(action.actionId, { owner: action.owner });
    for (const action of batch) work(h, action, story);
    const ends = batch.map(({ actionId }) => draft('schedule.action_ended', { actionId, outcome: 'succeeded' }));
    for (let at = 0; at < ends.length; at += 2) h.commit(aggregates.schedule, ...ends.slice(at, at + 2));
    h.wait(240);
  }
}

function work(h: History, action: PlannedAction, story: ModelStory): void {
  const { actionId, tool = 'check_file', args = {}, successCriteria } = action;
  h.wait(1).toolCalled(actionId, tool, { args });
  const result = effect(h, action, story);
  h.wait(4).toolReturned(actionId, tool, { result, durationMs: 3900 });
  const criteria = [{ text: successCriteria || 'done', verdict: 'met' as const, detail: `${tool} says so` }];
  h.wait(1).actionCompleted(actionId, { summary: `${tool} done`, criteria });
}

/** What a tool brings about in other aggregates, and its result. */
function effect(h: History, { actionId, tool, args }: PlannedAction, story: ModelStory): unknown {
  switch (tool) {
    case 'deploy_model': {
      const stage = stageName.parse(args?.stage);
      enter(h, story, stage, actionId);
      return { outcome: 'entered', stage, stageEpoch: h.rollout.stageEpoch, missing: [] };
    }
    case 'run_evaluation': {
      const request = h.offlineRequest();
      const id = `${evaluationIdOf(request)}-${h.seq}`;
      h.evaluationStarted(request, { id })
        .wait(2)
        .evaluationProgressed(id, 300, 600)
        .wait(2)
        .evaluated(0.741, { id, request });
      return { evaluationId: id, ndcg: 0.741 };
    }
    case 'run_rollback_test': {
      if (h.rollout.stage === undefined) return { passed: false };
      const request = h.rollbackTestRequest();
      const id = evaluationIdOf(request, h.seq);
      h.evaluationStarted(request, { id }).wait(1).rollbackTested(true, { id, request });
      return { evaluationId: id, passed: true, probes: 40 };
    }
    case 'collect_metrics':
      return {
        windows: 1800,
        requests: 412,
        errors: 0,
        latencyP95Ms: 3.2,
        sloCompliance: 0.9976,
        measuredShare: 0.052,
      };
    default:
      return { ok: true };
  }
}

import assert from 'node:assert/strict';
import { until } from '@conclave/bus/testing';
import { type Aggregate, type ApiVerb, aggregates, DEFAULT_GATES, STAGES, sha256, subjects } from '@conclave/contracts';
import { datasetKey, openRollout, verdictSetOf } from '@conclave/core';
import type { LeadingCoordinator } from './leading.ts';

/** What asking a verb comes to, with a model (or incident, or plan) of its own, so that no case meddles with another. */
export interface VerbCase {
  /** What is on record before it is asked. */
  given?(c: LeadingCoordinator, model: string): Promise<void>;
  body(model: string): object;
  /** The one event that asking leads to, however often it is asked; none for a verb that only tells. */
  effect?(model: string): { readonly aggregate: Aggregate; readonly type: string };
  /** Subject of the work message that follows. */
  readonly work?: string;
  /** Parts of the answers that tell the first time from the second. */
  readonly first: object;
  readonly again: object;
  /** A body that is refused; none where nothing is refused for its form. */
  wrong?(model: string): object;
}

const DATASET = 'queries';
const reason = 'because it is a test';
const changed = { first: { changed: true }, again: { changed: false } };
const ofModel = (type: string) => (model: string) => ({ aggregate: aggregates.rollouts(model), type });
const unknownField = (body: object) => ({ ...body, nonsense: true });

export const VERB_CASES: Readonly<Record<ApiVerb, VerbCase>> = {
  status: { body: () => ({}), first: { leader: 'coordinator-0' }, again: {}, wrong: () => ({ model: 'm' }) },
  explain: { given: adopted, body: (model) => ({ model }), first: { holds: [] }, again: {}, wrong: () => ({}) },
  deploy: {
    given: applied,
    body: (model) => ({ model, version: '1.1', stage: 'shadow', requestedBy: 'plan:1' }),
    effect: ofModel('rollout.stage_entered'),
    first: { outcome: 'entered', stage: 'shadow' },
    again: { outcome: 'already_there', stage: 'shadow' },
    wrong: (model) => ({ model, version: '1.1', stage: '7_percent', requestedBy: 'plan:1' }),
  },
  rollback: {
    given: applied,
    body: (model) => ({ model, reason, requestedBy: 'plan:1' }),
    effect: ofModel('rollout.aborted'),
    first: { outcome: 'rolled_back', serving: '1.0' },
    again: { outcome: 'nothing_to_roll_back', serving: '1.0' },
    wrong: (model) => ({ model, reason: '', requestedBy: 'plan:1' }),
  },
  handoff: {
    body: (planId) => plan(planId),
    effect: () => ({ aggregate: aggregates.schedule, type: 'schedule.plan_accepted' }),
    work: subjects.workRollback('rollback_officer'),
    first: { accepted: 'taken_in', actions: 1 },
    again: { accepted: 'known', actions: 1 },
    wrong: (planId) => ({ ...plan(planId), count: 2 }),
  },
  register_model: {
    body: (model) => ({ model, version: '1.0', digest: sha256(model), description: '', bytes: 1 }),
    effect: (model) => ({ aggregate: aggregates.model(model), type: 'model.registered' }),
    ...changed,
    wrong: (model) => ({ model, version: '1.0', digest: 'sha256:1', description: '', bytes: 1 }),
  },
  register_dataset: {
    body: (name) => ({ name, digest: sha256(name), description: '', documents: 1, queries: 1, bytes: 1 }),
    effect: (name) => ({ aggregate: aggregates.model(datasetKey(name)), type: 'dataset.registered' }),
    ...changed,
    wrong: (name) => ({ name, digest: sha256(name), description: '', documents: 'many', queries: 1, bytes: 1 }),
  },
  adopt: {
    given: registered,
    body: (model) => ({ model, version: '1.0', dataset: DATASET }),
    effect: ofModel('rollout.adopted'),
    ...changed,
    wrong: (model) => ({ model, version: '1.0' }),
  },
  apply: {
    given: adopted,
    body: (model) => ({ definition: definition(model) }),
    effect: ofModel('rollout.applied'),
    first: { changed: true, outcome: 'opened' },
    again: { changed: false, outcome: 'unchanged' },
    wrong: (model) => ({ definition: { ...definition(model), kind: 'Rollout' } }),
  },
  abort: {
    given: applied,
    body: (model) => ({ model, reason }),
    effect: ofModel('rollout.aborted'),
    first: { outcome: 'rolled_back', serving: '1.0' },
    again: { outcome: 'nothing_to_roll_back', serving: '1.0' },
    wrong: (model) => ({ model }),
  },
  revert: {
    given: completed,
    body: (model) => ({ model, reason }),
    effect: ofModel('rollout.reverted'),
    first: { outcome: 'rolled_back', serving: '1.0' },
    again: { outcome: 'nothing_to_roll_back', serving: '1.0' },
    wrong: (model) => ({ model, reason: '' }),
  },
  forget: {
    given: adopted,
    body: (model) => ({ model, reason }),
    effect: ofModel('rollout.forgotten'),
    ...changed,
    wrong: (model) => ({ model }),
  },
  approve: {
    given: votedOn,
    body: (model) => ({ model, reason }),
    effect: ofModel('rollout.approved'),
    ...changed,
    wrong: (model) => ({ model, reason, verdicts: 'all' }),
  },
  reject: {
    given: decidable,
    body: (model) => ({ model, reason }),
    effect: ofModel('rollout.rejected'),
    ...changed,
    wrong: (model) => ({ model, reason: 1 }),
  },
  pause: {
    given: applied,
    body: (model) => ({ model, reason }),
    effect: ofModel('rollout.held'),
    ...changed,
    wrong: (model) => unknownField({ model, reason }),
  },
  resume: {
    async given(c, model) {
      await applied(c, model);
      await c.call('pause', { model, reason });
    },
    body: (model) => ({ model, reason }),
    effect: ofModel('rollout.released'),
    ...changed,
    wrong: (model) => unknownField({ model, reason }),
  },
  override: {
    given: applied,
    body: (model) => ({ model, gate: 'ndcg@10', reason }),
    effect: ofModel('rollout.gate_overridden'),
    ...changed,
    wrong: (model) => ({ model, gate: 'ndcg@10' }),
  },
  convene: {
    body: () => ({ reason }),
    effect: () => ({ aggregate: aggregates.schedule, type: 'schedule.meeting_called' }),
    work: subjects.workMeeting,
    first: { called: true },
    again: { called: false },
    wrong: () => ({}),
  },
  resolve_incident: {
    given: async (c, incidentId) => void (await c.call('open_incident', report(incidentId))),
    body: (incidentId) => ({ incidentId, reason }),
    effect: (incidentId) => ({ aggregate: aggregates.incident(incidentId), type: 'incident.resolved' }),
    ...changed,
    wrong: (incidentId) => ({ incidentId }),
  },
  open_incident: {
    body: report,
    effect: (incidentId) => ({ aggregate: aggregates.incident(incidentId), type: 'incident.opened' }),
    first: { severity: 'P2' },
    again: { severity: 'P2' },
  },
};

function report(id: string): object {
  return { id, severity: 'P2', title: 'slow' };
}

function plan(meetingId: string): object {
  const action = {
    ...{ id: 1, action: 'Roll back', owner: 'rollback_officer', priority: 'LOW', tool: 'rollback_model' },
    args: { model: 'nobody', reason },
  };
  return { timestamp: '2026-01-01T00:00:00Z', meeting_id: meetingId, actions: [action], count: 1 };
}

function definition(model: string): object {
  return {
    ...{ apiVersion: 'conclave/v1', kind: 'ModelRollout', metadata: { name: model } },
    spec: { model, version: '1.1', dataset: DATASET, stages: STAGES.map((name) => ({ name, soakSeconds: 1 })) },
  };
}

async function registered(c: LeadingCoordinator, model: string): Promise<void> {
  for (const version of ['1.0', '1.1']) {
    const digest = sha256(`${model} ${version}`);
    await c.call('register_model', { model, version, digest, description: '', bytes: 1 });
  }
  const dataset = { name: DATASET, digest: sha256(DATASET), description: '', documents: 1, queries: 1, bytes: 1 };
  await c.call('register_dataset', dataset);
}

async function adopted(c: LeadingCoordinator, model: string): Promise<void> {
  await registered(c, model);
  await c.call('adopt', { model, version: '1.0', dataset: DATASET });
}

async function applied(c: LeadingCoordinator, model: string): Promise<void> {
  await adopted(c, model);
  await c.call('apply', { definition: definition(model) });
}

function openOf(c: LeadingCoordinator, model: string) {
  const state = c.world().rollouts[model];
  return (state === undefined ? undefined : openRollout(state)) ?? assert.fail(`${model} has an open rollout`);
}

async function completed(c: LeadingCoordinator, model: string): Promise<void> {
  await applied(c, model);
  const { rolloutId } = openOf(c, model);
  const entered = { rolloutId, stage: 'production', stageEpoch: 1, share: 1, requestedBy: 'plan:1' };
  await c.given(aggregates.rollouts(model), ['rollout.stage_entered', entered]);
  await c.given(aggregates.rollouts(model), ['rollout.completed', { rolloutId, stageEpoch: 1 }]);
}

/** In shadow, where a person's no would count: soak and gates are done. */
async function decidable(c: LeadingCoordinator, model: string): Promise<void> {
  await applied(c, model);
  await c.call('deploy', { model, version: '1.1', stage: 'shadow', requestedBy: 'plan:1' });
  const { rolloutId, stageEpoch } = openOf(c, model);
  await c.given(aggregates.rollouts(model), [
    'rollout.stage_serving',
    { rolloutId, stageEpoch, runners: ['gpu-runner-0'] },
  ]);
  for (const { name } of DEFAULT_GATES)
    if (name !== 'p0_incidents') await c.call('override', { model, gate: name, reason });
  await until(async () => {
    const { verdicts } = openOf(c, model);
    const { soakSecondsLeft } = Object(await c.call('explain', { model }));
    return verdicts.p0_incidents?.outcome === 'pass' && soakSecondsLeft === 0;
  }, 'soak and gates are done');
}

async function votedOn(c: LeadingCoordinator, model: string): Promise<void> {
  await decidable(c, model);
  const rollout = openOf(c, model);
  const { rolloutId, stageEpoch } = rollout;
  const ballots = { yes: ['critic'], no: [], abstained: [], verdictSet: verdictSetOf(rollout) };
  await c.given(aggregates.rollouts(model), [
    'rollout.voted',
    { rolloutId, stageEpoch, meetingId: 'm-1', decision: 'go', ...ballots },
  ]);
}

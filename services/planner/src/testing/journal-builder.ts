import {
  type Aggregate,
  aggregates,
  type Commit,
  type MeetingWork,
  pinnedRollout,
  type RawEvent,
  rolloutDefinition,
  type StageName,
  type Verdict,
} from '@conclave/contracts';
import { foldWorld, initialWorld, verdictSetOf, type World } from '@conclave/core';

export const MODEL = 'emoji-search';
export const STABLE = `sha256:${'a'.repeat(64)}`;
export const CANDIDATE = `sha256:${'b'.repeat(64)}`;
export const DATASET = `sha256:${'d'.repeat(64)}`;
export const ROLLOUT = 'emoji-search-1-1';
const START = Date.parse('2026-01-05T08:00:00.000Z');

/** The time `seconds` after the start of every history. */
export function at(seconds: number): Date {
  return new Date(START + seconds * 1000);
}

/** What a commit is, before it has a sequence. */
export interface Entry {
  readonly aggregate: Aggregate;
  readonly events: readonly RawEvent[];
}

/**
 * A history in words. Each step is one commit; `folded()` gives the world after them, `entries` what a real journal
 * needs to hold.
 */
export class History {
  readonly entries: Entry[] = [];
  #seconds = 0;

  /** Sets the time of what follows. */
  after(seconds: number): this {
    this.#seconds = seconds;
    return this;
  }

  #add(aggregate: Aggregate, type: string, data: unknown): this {
    const id = `e${this.entries.length + 1}`;
    this.entries.push({ aggregate, events: [{ id, type, at: at(this.#seconds).toISOString(), data }] });
    return this;
  }

  #rollout(type: string, data: object): this {
    return this.#add(aggregates.rollouts(MODEL), type, { rolloutId: ROLLOUT, ...data });
  }

  adopted(): this {
    return this.#add(aggregates.rollouts(MODEL), 'rollout.adopted', {
      model: MODEL,
      version: '1.0',
      digest: STABLE,
      dataset: DATASET,
      by: 'ada',
    });
  }

  applied(authority: 'observe' | 'recommend' | 'act' = 'act', soakSeconds = 10): this {
    const { spec } = rolloutDefinition.parse({
      apiVersion: 'conclave/v1',
      kind: 'ModelRollout',
      metadata: { name: ROLLOUT },
      spec: { model: MODEL, version: '1.1', dataset: 'emoji' },
    });
    const definition = pinnedRollout.parse({
      ...spec,
      name: ROLLOUT,
      digest: CANDIDATE,
      datasetName: 'emoji',
      dataset: DATASET,
      authority,
      stages: spec.stages.map(({ name }) => ({ name, soakSeconds })),
    });
    return this.#rollout('rollout.applied', { definition, by: 'ada' });
  }

  entered(stage: StageName, stageEpoch = 1): this {
    return this.#rollout('rollout.stage_entered', { stage, stageEpoch, share: 0, requestedBy: 'test' });
  }

  serving(stageEpoch = 1): this {
    return this.#rollout('rollout.stage_serving', { stageEpoch, runners: ['runner-0'] });
  }

  verdict(gate: string, outcome: Verdict['outcome'], change: Partial<Verdict> = {}): this {
    const stageEpoch = change.stageEpoch ?? 1;
    const verdict: Verdict = {
      gate,
      outcome,
      value: 0.8,
      interval: null,
      operator: '>=',
      threshold: 0.72,
      samples: 1000,
      minSamples: 50,
      window: null,
      stageEpoch,
      modelDigest: CANDIDATE,
      datasetDigest: DATASET,
      source: 'test',
      dryRun: false,
      sentence: `${gate} is ${outcome}`,
      ...change,
    };
    return this.#rollout('rollout.verdict_changed', { stageEpoch, verdict });
  }

  allPassed(stageEpoch = 1): this {
    const gates = ['ndcg@10', 'latency_p95_ms', 'slo_compliance', 'p0_incidents', 'rollback_test', 'no_loss_vs_stable'];
    for (const gate of gates) this.verdict(gate, 'pass', { stageEpoch });
    return this;
  }

  /** The vote of an earlier meeting on the verdicts as they stand. */
  voted(decision: 'go' | 'no_go', objections: readonly object[] = []): this {
    const { current } = this.folded().rollouts[MODEL] ?? {};
    return this.#rollout('rollout.voted', {
      stageEpoch: 1,
      meetingId: 'meeting-0',
      decision,
      verdictSet: current === undefined ? '' : verdictSetOf(current),
      yes: [],
      no: [],
      abstained: [],
      objections,
    });
  }

  voteLifted(): this {
    return this.#rollout('rollout.vote_lifted', { stageEpoch: 1, meetingId: 'meeting-0', reason: 'its time passed' });
  }

  approved(): this {
    const { current } = this.folded().rollouts[MODEL] ?? {};
    const verdictSet = current === undefined ? '' : verdictSetOf(current);
    return this.#rollout('rollout.approved', { stageEpoch: 1, verdictSet, by: 'ada', reason: 'seen' });
  }

  overridden(gate: string): this {
    return this.#rollout('rollout.gate_overridden', { stageEpoch: 1, gate, by: 'ada', reason: 'measured by hand' });
  }

  rejected(): this {
    const { current } = this.folded().rollouts[MODEL] ?? {};
    const verdictSet = current === undefined ? '' : verdictSetOf(current);
    return this.#rollout('rollout.rejected', { stageEpoch: 1, verdictSet, by: 'ada', reason: 'not this week' });
  }

  aborted(): this {
    return this.#rollout('rollout.aborted', { by: 'coordinator', reason: 'latency breach', gate: 'latency_p95_ms' });
  }

  held(kind: 'incident' | 'pause' | 'freeze'): this {
    return this.#add(aggregates.rollouts(MODEL), 'rollout.held', { holdId: 'h1', kind, by: 'ada', reason: 'a reason' });
  }

  incident(severity: 'P0' | 'P1'): this {
    const data = { incidentId: 'i1', severity, title: 'search is down', detail: '', model: MODEL, source: 'pager' };
    return this.#add(aggregates.incident('i1'), 'incident.opened', data);
  }

  evaluated(baseline = true): this {
    const request = {
      kind: 'offline',
      model: MODEL,
      version: '1.1',
      digest: CANDIDATE,
      dataset: DATASET,
      ...(baseline ? { baseline: { version: '1.0', digest: STABLE } } : {}),
    };
    const estimate = { value: 0.8, low: 0.78, high: 0.82 };
    const metrics = { 'ndcg@10': estimate, 'ndcg@10_exponential': estimate };
    const result = { kind: 'offline', queries: 200, emptyQueries: 0, documents: 900, metrics, durationMs: 1200 };
    return this.#add(aggregates.evaluation('ev1'), 'evaluation.completed', { request, result, runner: 'runner-0' });
  }

  /** A rollback test that began and, so far, has not ended. */
  rollbackTestStarted(stageEpoch = 1): this {
    const { current } = this.folded().rollouts[MODEL] ?? {};
    const rolloutId = current?.rolloutId ?? '';
    const runner = 'runner-0';
    const request = {
      kind: 'rollback_test',
      model: MODEL,
      version: '1.1',
      digest: CANDIDATE,
      rolloutId,
      stageEpoch,
      runner,
    };
    return this.#add(aggregates.evaluation('rt1'), 'evaluation.started', { request, runner, attempt: 1 });
  }

  insight(text: string): this {
    const data = { insightId: 'n1', text, line: 'v2_research', source: 'ada' };
    return this.#add(aggregates.roadmap, 'roadmap.insight_recorded', data);
  }

  /** A plan of actions `<planId>:1`, `<planId>:2`, ... with these tools on the candidate. */
  planned(planId: string, tools: readonly string[], origin: 'meeting' | 'user' = 'meeting', stage = 'shadow'): this {
    const actions = tools.map((tool, index) => ({
      actionId: `${planId}:${index + 1}`,
      planId,
      action: `do ${tool}`,
      owner: 'ops_commander',
      priority: 'high',
      estimatedDuration: '',
      successCriteria: '',
      tool,
      args: { model: MODEL, version: '1.1', ...(tool === 'deploy_model' ? { stage } : {}) },
      dependsOn: [],
    }));
    const data = { planId, digest: CANDIDATE, source: 'test', origin, actions };
    return this.#add(aggregates.schedule, 'schedule.plan_accepted', data);
  }

  dispatched(actionId: string): this {
    return this.#add(aggregates.schedule, 'schedule.action_dispatched', { actionId, attempt: 1 });
  }

  ended(actionId: string, outcome: 'succeeded' | 'failed' | 'blocked'): this {
    return this.#add(aggregates.schedule, 'schedule.action_ended', { actionId, outcome });
  }

  /** What the executor recorded of an action: `criteria` of them, all met but the last. */
  completed(actionId: string, summary: string, criteria = 0): this {
    const judged = Array.from({ length: criteria }, (_, i) => ({
      text: 'a',
      verdict: i + 1 === criteria ? 'unmet' : 'met',
      detail: '',
    }));
    const data = { actionId, outcome: 'succeeded', summary, criteria: judged };
    return this.#add(aggregates.action(actionId), 'action.completed', data);
  }

  called(work: MeetingWork): this {
    return this.#add(aggregates.schedule, 'schedule.meeting_called', work);
  }

  meetingOpened(meetingId: string): this {
    const data = { meetingId, reason: 'slot', detail: '', brief: {}, deadline: at(9999).toISOString(), planner: 'p' };
    return this.#add(aggregates.meeting(meetingId), 'meeting.opened', data);
  }

  folded(): World {
    return this.entries
      .map((entry, index): Commit => {
        const { aggregate, events } = entry;
        return { aggregate, events, seq: index + 1, storedAt: '', by: 'test', fence: undefined };
      })
      .reduce(foldWorld, initialWorld());
  }
}

/** A rollout of 1.1 over stable 1.0 that serves in `stage` since second 0. */
export function inStage(stage: StageName = 'shadow', authority: 'observe' | 'recommend' | 'act' = 'act'): History {
  return new History().adopted().applied(authority).entered(stage).serving();
}

export function workFor(meetingId = 'meeting-1', deadline = at(600)): MeetingWork {
  return { meetingId, slot: 1, reason: 'slot', detail: '', deadline: deadline.toISOString() };
}

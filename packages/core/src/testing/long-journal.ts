import {
  type Aggregate,
  aggregates,
  type Commit,
  DEFAULT_GATES,
  type EvaluationRequest,
  type EventOfKind,
  type MeetingPhase,
  PLANNING_ROLES,
  type PlannedAction,
  type RawEvent,
  type StageName,
  sha256,
  type Verdict,
} from '@conclave/contracts';

/*
 * A journal as a busy installation writes it, of any length and always the same: meetings of fifteen turns, plans of ten actions with
 * four commits of their own each, rollouts from shadow to production with verdicts that come and go, evaluations with progress,
 * incidents, registrations and insights. One cycle is about 110 commits and stands for half an hour.
 */

const BEGIN = Date.parse('2026-01-01T00:00:00.000Z');
const CYCLE_MS = 1_800_000;
const MODELS = ['search', 'tagger', 'ranker', 'vision'] as const;
const STAGES: readonly StageName[] = ['shadow', '5_percent', '20_percent', '50_percent', 'production'];
const SPEAKER = { adapter: 'anthropic', model: 'a-model-of-some-vendor' } as const;
const PHASES: readonly (readonly [MeetingPhase, number])[] = [
  ['statement', 6],
  ['challenge', 2],
  ['ballot', 6],
  ['synthesis', 1],
];
const TEXT = 'The candidate has answered more requests than are needed and none of them was slow. '.repeat(6);

type DataOf<K extends keyof EventOfKind, T extends EventOfKind[K]['type']> = Extract<
  EventOfKind[K],
  { type: T }
>['data'];

/** Gives the commits of one long journal, each parsed JSON as it would come from the stream. */
export function* longJournal(commits: number): Generator<Commit> {
  const writer = new JournalWriter();
  for (let cycle = 0; ; cycle++) {
    for (const commit of writer.cycle(cycle)) {
      if (commit.seq > commits) return;
      yield commit;
    }
  }
}

class JournalWriter {
  #seq = 0;
  #nowMs = BEGIN;
  readonly #epochs = new Map<string, number>();
  #commits: Commit[] = [];

  cycle(cycle: number): Commit[] {
    this.#commits = [];
    this.#nowMs = BEGIN + cycle * CYCLE_MS;
    const model = MODELS[cycle % MODELS.length] ?? MODELS[0];
    if (cycle === 0) this.#begin();
    if (cycle % 10 === 0) this.#incident(cycle);
    this.#meet(cycle, model);
    this.#work(cycle);
    this.#roll(Math.floor(cycle / MODELS.length), model);
    if (cycle % 3 === 0)
      this.#put(aggregates.roadmap, 'roadmap.insight_recorded', {
        insightId: `insight-${cycle}`,
        text: TEXT,
        line: 'v1_production',
        source: 'bench',
      });
    return this.#commits;
  }

  #put<K extends keyof EventOfKind, T extends EventOfKind[K]['type']>(
    aggregate: Aggregate & { readonly kind: K },
    type: T,
    data: DataOf<K, T>,
  ): void {
    this.#putAll(aggregate, [[type, data]]);
  }

  #putAll(aggregate: Aggregate, events: readonly (readonly [string, object])[]): void {
    const seq = ++this.#seq;
    this.#nowMs += 1000;
    const at = new Date(this.#nowMs).toISOString();
    const raw = events.map(([type, data], n): RawEvent => ({ id: `e${seq}-${n}`, type, at, data }));
    this.#commits.push({ aggregate, seq, storedAt: at, by: 'bench-0', fence: 1, events: raw });
  }

  #begin(): void {
    this.#put(aggregates.schedule, 'schedule.leader_elected', { leader: 'coordinator-0', leaderEpoch: 1 });
    for (const model of MODELS) this.#register(model, '0');
    this.#putAll(aggregates.model('dataset:queries'), [
      [
        'dataset.registered',
        { name: 'queries', digest: DATASET, description: '', documents: 100, queries: 600, bytes: 1, by: 'bench' },
      ],
    ]);
    for (const model of MODELS)
      this.#putAll(aggregates.rollouts(model), [
        ['rollout.adopted', { model, version: '0', digest: sha256(`${model} 0`), dataset: DATASET, by: 'bench' }],
      ]);
  }

  #register(model: string, version: string): void {
    this.#putAll(aggregates.model(model), [
      [
        'model.registered',
        { model, version, digest: sha256(`${model} ${version}`), description: TEXT, bytes: 1_000_000, by: 'bench' },
      ],
    ]);
  }

  #incident(cycle: number): void {
    const incidentId = `incident-${cycle}`;
    const incident = aggregates.incident(incidentId);
    this.#putAll(incident, [
      [
        'incident.opened',
        { incidentId, severity: 'P1', title: 'slow', detail: TEXT, model: MODELS[0], source: 'bench' },
      ],
    ]);
    this.#putAll(incident, [['incident.reported_again', { incidentId, count: 2 }]]);
    this.#putAll(incident, [['incident.acknowledged', { incidentId, by: 'ops' }]]);
    this.#putAll(incident, [['incident.resolved', { incidentId, by: 'ops', reason: 'mended' }]]);
  }

  #meet(cycle: number, model: string): void {
    const meetingId = `meeting-${cycle}`;
    const meeting = aggregates.meeting(meetingId);
    const deadline = new Date(this.#nowMs + 600_000).toISOString();
    const called = { meetingId, reason: 'slot', detail: 'regular', deadline } as const;
    this.#put(aggregates.schedule, 'schedule.meeting_called', { ...called, slot: cycle, agenda: ['a', 'b'] });
    this.#putAll(meeting, [['meeting.opened', { ...called, brief: { model, notes: TEXT }, planner: 'planner-0' }]]);
    for (const [phase, speakers] of PHASES)
      for (const role of PLANNING_ROLES.slice(0, speakers))
        this.#putAll(meeting, [
          [
            'meeting.turn_taken',
            {
              ...{ phase, role, speaker: SPEAKER, text: TEXT, content: { points: ['one', 'two'] }, durationMs: 1200 },
              ...(phase === 'ballot'
                ? { ballots: [{ rolloutId: `${model}-r`, verdictSet: 'sha256:0', vote: 'go', reason: 'measured' }] }
                : {}),
            },
          ],
        ]);
    this.#putAll(meeting, [
      ['meeting.closed', { meetingId, outcome: 'decided', summary: TEXT, decisions: [], dissent: [] }],
    ]);
    this.#put(aggregates.schedule, 'schedule.meeting_ended', { meetingId, outcome: 'decided' });
  }

  #work(cycle: number): void {
    const planId = `plan-${cycle}`;
    const actions = Array.from({ length: 10 }, (_, n): PlannedAction => {
      const named = {
        actionId: `${planId}:${n}`,
        planId,
        action: 'Collect the metrics of this stage',
        owner: 'latency_analyst',
      };
      return {
        ...{ ...named, owner: 'latency_analyst', priority: 'high', estimatedDuration: '5 min' },
        ...{ successCriteria: 'P95 < 50ms', tool: 'collect_metrics', args: { model: 'search' }, dependsOn: [] },
      };
    });
    const plan = { planId, digest: sha256(planId), source: 'bench', origin: 'meeting' } as const;
    this.#put(aggregates.schedule, 'schedule.plan_accepted', { ...plan, actions });
    for (const { actionId } of actions) {
      this.#putAll(aggregates.schedule, [
        ['schedule.heartbeat', { slot: cycle, drains: true, dispatched: 1 }],
        ['schedule.action_dispatched', { actionId, attempt: 1 }],
      ]);
      this.#act(actionId);
      this.#put(aggregates.schedule, 'schedule.action_ended', { actionId, outcome: 'succeeded' });
    }
  }

  #act(actionId: string): void {
    const action = aggregates.action(actionId);
    const callId = `${actionId}/1`;
    const tool = 'collect_metrics';
    this.#putAll(action, [
      ['action.started', { actionId, owner: 'latency_analyst', attempt: 1, worker: 'executor-0', speaker: SPEAKER }],
    ]);
    this.#putAll(action, [
      ['action.tool_called', { callId, tool, args: { model: 'search' }, reason: TEXT, speaker: SPEAKER }],
    ]);
    this.#putAll(action, [
      [
        'action.tool_returned',
        { callId, tool, ok: true, result: { requests: 1000, p95: 12.5, errors: 0, note: TEXT }, durationMs: 35 },
      ],
    ]);
    const criteria = [{ text: 'P95 < 50ms', verdict: 'met', detail: '12.5 ms' }];
    this.#putAll(action, [['action.completed', { actionId, outcome: 'succeeded', summary: TEXT, criteria }]]);
  }

  /** One stage of a rollout a turn: five turns bring a version to production, each seventh version is aborted on its way. */
  #roll(turn: number, model: string): void {
    const round = Math.floor(turn / STAGES.length);
    const stage = STAGES[turn % STAGES.length] ?? 'shadow';
    const version = `${round + 1}`;
    const rolloutId = `${model}-r${version}`;
    const digest = sha256(`${model} ${version}`);
    const rollout = aggregates.rollouts(model);
    const isAborted = round % 7 === 6 && stage !== 'shadow';
    if (isAborted && stage !== '5_percent') return;
    if (stage === 'shadow') {
      this.#register(model, version);
      const stages = STAGES.map((name) => ({ name, soakSeconds: 600 }));
      const pinned = { name: rolloutId, model, version, digest, datasetName: 'queries', dataset: DATASET };
      const definition = { ...pinned, authority: 'act', stages, gates: [...DEFAULT_GATES] } as const;
      this.#putAll(rollout, [['rollout.applied', { rolloutId, definition, by: 'bench' }]]);
    }
    const stageEpoch = (this.#epochs.get(model) ?? 0) + 1;
    this.#epochs.set(model, stageEpoch);
    const share = 0.05;
    this.#putAll(rollout, [
      ['rollout.stage_entered', { rolloutId, stage, stageEpoch, share, requestedBy: `plan-${turn}:0` }],
    ]);
    this.#putAll(rollout, [['rollout.stage_serving', { rolloutId, stageEpoch, runners: ['gpu-runner-0'] }]]);
    this.#putAll(rollout, [['rollout.traffic_seen', { rolloutId, stageEpoch }]]);
    const identity = { model, version, digest };
    if (stage === 'shadow')
      this.#evaluate(`offline-${rolloutId}`, { kind: 'offline', ...identity, dataset: DATASET }, OFFLINE);
    const runner = 'gpu-runner-0';
    const request = { kind: 'rollback_test', ...identity, rolloutId, stageEpoch, runner } as const;
    this.#evaluate(`rollback-${rolloutId}-${stageEpoch}`, request, ROLLBACK);
    for (const { name } of DEFAULT_GATES)
      for (const outcome of ['running', 'pass'] as const)
        this.#putAll(rollout, [
          ['rollout.verdict_changed', { rolloutId, stageEpoch, verdict: verdictOf(name, outcome, stageEpoch, digest) }],
        ]);
    if (isAborted) this.#putAll(rollout, [['rollout.aborted', { rolloutId, by: 'coordinator', reason: 'too slow' }]]);
    else if (stage === 'production') this.#putAll(rollout, [['rollout.completed', { rolloutId, stageEpoch }]]);
    else this.#leave(rollout, { rolloutId, stage, stageEpoch, digest, turn });
  }

  #leave(
    rollout: Aggregate,
    {
      rolloutId,
      stage,
      stageEpoch,
      digest,
      turn,
    }: { rolloutId: string; stage: StageName; stageEpoch: number; digest: string; turn: number },
  ): void {
    const vote = { meetingId: `meeting-${turn}`, decision: 'go', verdictSet: 'sha256:0', yes: [...PLANNING_ROLES] };
    this.#putAll(rollout, [['rollout.voted', { rolloutId, stageEpoch, ...vote, no: [], abstained: [] }]]);
    const verdicts = DEFAULT_GATES.map(({ name }) => verdictOf(name, 'pass', stageEpoch, digest));
    const requests = { candidateRequests: 500, candidateErrors: 0, stableRequests: 9500, latencyP95Ms: 12 };
    const summary = { stage, stageEpoch, askedShare: 0.05, measuredShare: 0.05, ...requests, verdicts };
    this.#putAll(rollout, [['rollout.stage_summarised', { rolloutId, summary }]]);
  }

  #evaluate(id: string, request: EvaluationRequest, result: object): void {
    const evaluation = aggregates.evaluation(id);
    this.#putAll(evaluation, [['evaluation.started', { request, runner: 'gpu-runner-0', attempt: 1 }]]);
    for (const done of [200, 400]) this.#putAll(evaluation, [['evaluation.progressed', { done, total: 600 }]]);
    this.#putAll(evaluation, [['evaluation.completed', { request, result, runner: 'gpu-runner-0' }]]);
  }
}

const DATASET = sha256('queries');
const ESTIMATE = { value: 0.75, low: 0.72, high: 0.78 };
const OFFLINE = {
  kind: 'offline',
  ...{ queries: 600, emptyQueries: 0, documents: 100, durationMs: 9000 },
  metrics: { 'ndcg@10': ESTIMATE, 'ndcg@10_exponential': ESTIMATE },
};
const ROLLBACK = {
  kind: 'rollback_test',
  ...{
    passed: true,
    probes: 20,
    failedProbes: 0,
    maxDifference: 0,
    tolerance: 0.001,
    swapToStableMs: 5,
    swapBackMs: 5,
  },
  detail: TEXT,
};

function verdictOf(gate: string, outcome: 'running' | 'pass', stageEpoch: number, modelDigest: string): Verdict {
  return {
    ...{ gate, outcome, value: 0.75, interval: { low: 0.72, high: 0.78 }, operator: '>=', threshold: 0.72 },
    ...{ samples: 500, minSamples: 50, window: null, stageEpoch, modelDigest, datasetDigest: null },
    ...{ source: 'telemetry', required: true, dryRun: false, sentence: 'enough of it was measured' },
  };
}

import { type Bus, openJournal } from '@conclave/bus';
import { type Aggregate, aggregates, checkEvents, DEFAULT_GATES, sha256 } from '@conclave/contracts';
import { datasetKey } from '@conclave/core';

export const MODEL = 'emoji-search';

type Event = readonly [type: string, data: unknown];

/** Writes events as a service would: unique ids, checked against their schemas. @param at when they happened */
export async function append(
  bus: Bus,
  aggregate: Aggregate,
  events: readonly Event[],
  at = new Date().toISOString(),
): Promise<void> {
  const raw = events.map(([type, data]) => ({ id: crypto.randomUUID(), type, at, data }));
  await openJournal(bus, { by: 'test', check: checkEvents }).append(aggregate, 'any', raw);
}

/** One of everything: two versions and a dataset, a rollout in shadow, a meeting that voted and planned, an action, an incident. */
export async function record(bus: Bus, datasetDigest = sha256('emoji')): Promise<void> {
  const digest = sha256('1.1');
  const stable = sha256('1.0');
  const registered = { model: MODEL, description: 'finds emoji', bytes: 1000, by: 'ada' };
  await append(bus, aggregates.model(MODEL), [
    ['model.registered', { ...registered, version: '1.0', digest: stable }],
    ['model.registered', { ...registered, version: '1.1', digest }],
  ]);
  const dataset = {
    name: 'emoji',
    digest: datasetDigest,
    description: '',
    documents: 10,
    queries: 5,
    bytes: 100,
    by: 'ada',
  };
  await append(bus, aggregates.model(datasetKey('emoji')), [['dataset.registered', dataset]]);
  const definition = {
    name: 'r',
    model: MODEL,
    version: '1.1',
    digest,
    datasetName: 'emoji',
    dataset: datasetDigest,
    authority: 'act',
    stages: [
      { name: 'shadow', soakSeconds: 3600 },
      { name: 'production', soakSeconds: 3600 },
    ],
    gates: DEFAULT_GATES.slice(0, 2),
  };
  const entered = { rolloutId: 'r-1', stage: 'shadow', stageEpoch: 1, share: 0, requestedBy: 'ops_commander' };
  await append(bus, aggregates.rollouts(MODEL), [
    ['rollout.adopted', { model: MODEL, version: '1.0', digest: stable, dataset: datasetDigest, by: 'ada' }],
    ['rollout.applied', { rolloutId: 'r-1', definition, by: 'ada' }],
    ['rollout.stage_entered', entered],
  ]);
  await meet(bus, 'meeting-1', new Date().toISOString());
  const incident = { incidentId: 'i-1', severity: 'P1', title: 'slow', detail: 'since noon', source: 'ada' };
  await append(bus, aggregates.incident('i-1'), [['incident.opened', incident]]);
}

/** A meeting with one turn of each kind, an absence, a decision and a plan of one action that succeeded. */
export async function meet(bus: Bus, meetingId: string, at: string): Promise<void> {
  const speaker = { adapter: 'rules', model: 'rules' };
  const deadline = new Date(Date.parse(at) + 60_000).toISOString();
  const ballot = { rolloutId: 'r-1', verdictSet: 'v-1', vote: 'go', reason: 'all gates passed' };
  const turn = (phase: string, role: string, text: string, more: object = {}): Event => [
    'meeting.turn_taken',
    { phase, role, speaker, text, durationMs: 1200, ...more },
  ];
  const action = { id: 1, action: 'Look at the metrics', owner: 'ops_commander', priority: 'high' };
  const handoff = { timestamp: at, meeting_id: meetingId, actions: [action], count: 1, source: 'planning_meeting' };
  const decision = {
    rolloutId: 'r-1',
    model: MODEL,
    version: '1.1',
    stage: 'shadow',
    stageEpoch: 1,
    toStage: 'production',
    verdictSet: 'v-1',
    decision: 'go',
    yes: ['moderator'],
    no: ['critic'],
    abstained: [],
    reason: 'a majority',
  };
  const opening = { meetingId, reason: 'slot', detail: 'regular', brief: {}, deadline, planner: 'planner-0' };
  await append(bus, aggregates.meeting(meetingId), [['meeting.opened', opening]], at);
  const said: Event[] = [
    turn('statement', 'moderator', 'Let us look at 1.1.'),
    turn('ballot', 'moderator', 'I say go.', { ballots: [ballot] }),
    ['meeting.advisor_absent', { phase: 'statement', role: 'critic', reason: 'no key' }],
  ];
  await append(bus, aggregates.meeting(meetingId), said, at);
  const summary = 'It goes on.';
  const closing = {
    meetingId,
    outcome: 'decided',
    summary,
    decisions: [decision],
    dissent: ['critic: too soon'],
    handoff,
  };
  await append(bus, aggregates.meeting(meetingId), [['meeting.closed', closing]], at);
  await carryOut(bus, meetingId, at);
}

async function carryOut(bus: Bus, planId: string, at: string): Promise<void> {
  const actionId = `${planId}:1`;
  const planned = {
    actionId,
    planId,
    action: 'Look at the metrics',
    owner: 'ops_commander',
    priority: 'high',
    estimatedDuration: '2min',
    successCriteria: 'P95 < 50ms',
    tool: 'collect_metrics',
    args: { minutes: 5 },
    dependsOn: [],
  };
  const accepted = { planId, digest: 'd', source: '', origin: 'meeting', actions: [planned] };
  const dispatched = { actionId, attempt: 1 };
  await append(
    bus,
    aggregates.schedule,
    [
      ['schedule.plan_accepted', accepted],
      ['schedule.action_dispatched', dispatched],
    ],
    at,
  );
  const speaker = { adapter: 'rules', model: 'rules' };
  const call = { callId: `${actionId}/1`, tool: 'collect_metrics' };
  const criteria = [{ text: 'P95 < 50ms', verdict: 'met', detail: '12 ms' }];
  const run: Event[] = [
    ['action.started', { actionId, owner: 'ops_commander', attempt: 1, worker: 'executor-0', speaker }],
    ['action.tool_called', { ...call, args: { minutes: 5 }, reason: 'the plan says so' }],
    ['action.tool_returned', { ...call, ok: true, result: { p95Ms: 12 }, durationMs: 30 }],
    ['action.completed', { actionId, outcome: 'succeeded', summary: 'P95 is 12 ms', criteria }],
  ];
  await append(bus, aggregates.action(actionId), run, at);
  await append(bus, aggregates.schedule, [['schedule.action_ended', { actionId, outcome: 'succeeded' }]], at);
}

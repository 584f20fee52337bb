import { type RecordedGate, type StageName, shareOf } from '@conclave/contracts';
import {
  awaitedOfPerson,
  describeThreshold,
  describeValue,
  describeVerdict,
  type GatesNow,
  gatesNow,
  isEnded,
  measureOf,
  missingNow,
  nextStage,
  openRollout,
  type Rollout,
  type RolloutsState,
  releaseCommand,
  soakSecondsLeft,
  soakSecondsOf,
  stageLabel,
  standingOf,
  withSeating,
} from '@conclave/core';
import type { Observed } from '../observed.ts';

/** Of no use before the first stage, which nothing measures. */
const STALE_SECONDS = 60;

/** One model: what serves, the rollout under way, and how earlier ones ended. */
export function rolloutView(observed: Observed, state: RolloutsState) {
  const open = openRollout(state);
  const ended = [...(state.current !== undefined && isEnded(state.current) ? [state.current] : []), ...state.past];
  return {
    model: state.model,
    seq: state.seq,
    stable: state.stable ?? null,
    previousStable: state.previousStable ?? null,
    holds: Object.values(state.holds).map((hold) => ({ ...hold, release: releaseCommand(state.model, hold) })),
    current: open === undefined ? null : currentView(observed, state, open),
    past: ended.map(pastView),
  };
}

function currentView(observed: Observed, state: RolloutsState, rollout: Rollout) {
  const { definition } = rollout;
  const now = observed.now();
  const next = nextStage(rollout);
  const since = rollout.servingSince ?? rollout.enteredAt;
  const measured =
    since === undefined ? null : observed.telemetry.measuredShare(state.model, definition.version, since);
  const soakSeconds = soakSecondsOf(rollout);
  const gates = gatesNow(rollout, observed.gates?.of(state.model), now);
  const missing = withSeating(missingNow(state, rollout, gates, now), rollout, observed.seats?.seating);
  return {
    rolloutId: rollout.rolloutId,
    version: definition.version,
    digest: definition.digest,
    dataset: definition.datasetName,
    authority: definition.authority,
    phase: rollout.phase,
    appliedBy: rollout.appliedBy,
    appliedAt: rollout.appliedAt,
    stage: rollout.stage ?? null,
    stageEpoch: rollout.stageEpoch,
    enteredAt: rollout.enteredAt ?? null,
    servingSince: rollout.servingSince ?? null,
    runners: rollout.runners,
    stages: definition.stages.map((stage) => stageView(rollout, stage.name, stage.soakSeconds)),
    soak: { seconds: soakSeconds, leftSeconds: soakSecondsLeft(rollout, now) },
    askedShare: rollout.stage === undefined ? 0 : shareOf(rollout.stage),
    measuredShare: measured?.share ?? null,
    measuredRequests: measured?.requests ?? 0,
    gates: definition.gates.map((gate) => gateView(rollout, gate, gates)),
    gatesAt: gates.at ?? null,
    vote: rollout.vote ?? null,
    approval: rollout.approval ?? null,
    next: next === undefined ? null : { stage: next, label: stageLabel(next) },
    missing,
    outlook: missing.length > 0 ? null : outlookOf(observed, state, rollout),
    waitsFor: awaitedOfPerson(state, rollout, now),
  };
}

/** What happens next when nothing is missing. */
function outlookOf({ mirror, now }: Observed, state: RolloutsState, rollout: Rollout): string {
  if (rollout.stage !== undefined) return 'Nothing: the step only has to be taken.';
  const standing = standingOf(mirror.world, state, rollout, now(), STALE_SECONDS);
  if (standing.for === 'other') return `${standing.wait.sentence}.`;
  return `A meeting will propose ${nextStage(rollout) ?? 'its first stage'}.`;
}

function stageView(rollout: Rollout, stage: StageName, soakSeconds: number) {
  const names = rollout.definition.stages.map((s) => s.name);
  const place = rollout.stage === undefined ? -1 : names.indexOf(rollout.stage);
  const own = names.indexOf(stage);
  const state = own < place ? 'done' : own === place ? 'current' : 'ahead';
  return {
    stage,
    label: stageLabel(stage),
    share: shareOf(stage),
    soakSeconds,
    state,
    summary: rollout.summaries.findLast((s) => s.stage === stage) ?? null,
  };
}

function gateView(rollout: Rollout, gate: RecordedGate, gates: GatesNow) {
  const verdict = gates.verdictOf(gate.name);
  const measure = measureOf(verdict ?? { gate: gate.name, source: gate.source, operator: gate.operator }, gate);
  return {
    gate: gate.name,
    measure,
    dryRun: gate.dryRun,
    operator: gate.operator,
    threshold: gate.threshold,
    needs: describeThreshold(measure, gate.operator, gate.threshold),
    outcome: verdict?.outcome ?? 'pending',
    value: verdict?.value ?? null,
    interval: verdict?.interval ?? null,
    shown: verdict === undefined ? '-' : describeValue({ ...verdict, interval: null }, measure),
    samples: verdict?.samples ?? 0,
    minSamples: verdict?.minSamples ?? gate.minSamples ?? 0,
    line:
      verdict === undefined
        ? `${gate.name} not measured in this stage, needs ${describeThreshold(measure, gate.operator, gate.threshold)}`
        : describeVerdict(verdict, gate),
    sentence: verdict?.sentence ?? 'not measured in this stage yet',
    source: verdict?.source ?? gate.source,
    /** When the outcome changed last. */
    at: rollout.verdicts[gate.name]?.at ?? null,
    override: rollout.overrides[gate.name] ?? null,
  };
}

function pastView(rollout: Rollout) {
  const { ended, definition, stage } = rollout;
  return {
    rolloutId: rollout.rolloutId,
    version: definition.version,
    digest: definition.digest,
    phase: rollout.phase,
    stage: stage === undefined ? null : stageLabel(stage),
    appliedAt: rollout.appliedAt,
    endedAt: ended?.at ?? null,
    by: ended?.by ?? null,
    reason: ended?.reason ?? '',
    gate: ended?.gate ?? null,
    gateLine: ended?.verdict === undefined ? null : describeVerdict(ended.verdict),
    stagesServed: rollout.summaries.map((s) => stageLabel(s.stage)),
  };
}

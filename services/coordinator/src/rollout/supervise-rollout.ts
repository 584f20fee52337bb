import { type RolloutEvent, type RunnerStatus, type StageSummary, type Verdict, WHY_LENGTH } from '@conclave/contracts';
import {
  isEarnedWhole,
  openP0Incidents,
  openRollout,
  type Rollout,
  type RolloutsState,
  type ServedVersion,
  type World,
} from '@conclave/core';
import type { Facts } from '../facts.ts';
import type { ServedTime } from '../gates/stage-telemetry.ts';
import type { SplitReport } from './judge-split.ts';
import { rolloutEventOf } from './rollout-event.ts';
import { liftedVote, newVotes, type VotingRules } from './votes.ts';

export interface Surroundings extends VotingRules {
  readonly world: World;
  readonly runners: readonly RunnerStatus[];
  /** The verdict of each gate as the evidence stands now, in the definition's order. */
  readonly verdicts: readonly Verdict[];
  /** When the candidate was served in this stage, by its own telemetry. */
  readonly served: ServedTime | undefined;
  /** Requests that the candidate has answered in this stage. */
  readonly candidateRequests: number;
  readonly summary: StageSummary | undefined;
  /** The measured split against the asked one; undefined where no live share is asked for. */
  readonly split: SplitReport | undefined;
  readonly readyTimeoutSeconds: number;
}

/**
 * What the leader records on a rollout by itself, besides what is asked of it: holds for P0 incidents, readiness, verdict
 * transitions, votes, the abort on a breach or a version that cannot be served, and completion. Pure; nothing is recorded twice because
 * every event changes the state that it was decided from.
 */
export function superviseRollout(state: RolloutsState, around: Surroundings, facts: Facts): RolloutEvent[] {
  const holds = [...holdChanges(state, around.world, facts), ...stableServing(state, around.runners, facts)];
  const rollout = openRollout(state);
  if (rollout === undefined || rollout.stage === undefined) return holds;
  const readiness = [...readinessChange(rollout, around.runners, facts), ...resumption(rollout, around.served, facts)];
  const failure = readiness.length > 0 ? undefined : servingFailure(state, rollout, around, facts);
  if (failure !== undefined) return [...holds, ...failure];
  const skewed = splitAbort(rollout, around, facts);
  if (skewed.length > 0) return [...holds, ...skewed];
  const transitions = verdictTransitions(rollout, around.verdicts, facts);
  const breach = breachAbort(rollout, around, facts);
  if (breach.length > 0) return [...holds, ...transitions, ...breach];
  const lifted = liftedVote(rollout, around.world, facts);
  const votes = lifted.length > 0 ? lifted : newVotes(rollout, around.world, around, facts);
  const changed = [...holds, ...readiness, ...firstTraffic(rollout, around, facts), ...transitions, ...votes];
  if (changed.length > 0) return changed;
  if (!isEarnedWhole(state, rollout, facts.now)) return [];
  const { rolloutId, stageEpoch } = rollout;
  const summarised =
    around.summary === undefined
      ? []
      : [rolloutEventOf(facts, 'rollout.stage_summarised', { rolloutId, summary: around.summary })];
  return [...summarised, rolloutEventOf(facts, 'rollout.completed', { rolloutId, stageEpoch })];
}

function holdChanges(state: RolloutsState, world: World, facts: Facts): RolloutEvent[] {
  const open = openP0Incidents(world, state.model);
  const ids = new Set(open.map((i) => i.incidentId));
  const held = open
    .filter((i) => state.holds[i.incidentId] === undefined)
    .map((i) =>
      rolloutEventOf(facts, 'rollout.held', {
        holdId: i.incidentId,
        kind: 'incident',
        by: 'coordinator',
        reason: `open P0: ${i.title}`,
      }),
    );
  const released = Object.values(state.holds)
    .filter((hold) => hold.kind === 'incident' && !ids.has(hold.holdId))
    .map((hold) =>
      rolloutEventOf(facts, 'rollout.released', {
        holdId: hold.holdId,
        by: 'coordinator',
        reason: 'the incident is resolved',
      }),
    );
  return [...held, ...released];
}

/** The first time that a runner has the stable version ready: from then on it is known to serve, and only a rollout replaces it. */
function stableServing(
  { model, stable }: RolloutsState,
  runners: readonly RunnerStatus[],
  facts: Facts,
): RolloutEvent[] {
  if (stable === undefined || stable.servedAt !== undefined) return [];
  const { version, digest, dataset } = stable;
  const ready = runners
    .filter((runner) => hasReady(runner, model, stable))
    .map(({ runner }) => runner)
    .sort();
  return ready.length === 0
    ? []
    : [rolloutEventOf(facts, 'rollout.stable_serving', { version, digest, dataset, runners: ready })];
}

/** Traffic that was never earned: users cannot cause it, so something is broken, and stable serves alone. */
function splitAbort(rollout: Rollout, around: Surroundings, facts: Facts): RolloutEvent[] {
  const excess = around.split?.excess;
  if (excess === undefined) return [];
  const { rolloutId } = rollout;
  const summarised =
    around.summary === undefined
      ? []
      : [rolloutEventOf(facts, 'rollout.stage_summarised', { rolloutId, summary: around.summary })];
  return [
    ...summarised,
    rolloutEventOf(facts, 'rollout.aborted', { rolloutId, by: 'coordinator', reason: clip(`split: ${excess}`) }),
  ];
}

/**
 * A candidate that a runner has given up, before or after it served, or that nobody had ready in time. The time counts from the present
 * leader's takeover, as while nobody led, nobody could see that it was ready; and from the last start of a runner that has still to load
 * it. While no runner is there it does not count at all: that is not the candidate's failure.
 */
function servingFailure(
  state: RolloutsState,
  rollout: Rollout,
  around: Surroundings,
  facts: Facts,
): RolloutEvent[] | undefined {
  const abort = (reason: string): RolloutEvent[] => [
    rolloutEventOf(facts, 'rollout.aborted', { rolloutId: rollout.rolloutId, by: 'coordinator', reason: clip(reason) }),
  ];
  for (const runner of around.runners) {
    const version = candidateOn(runner, rollout);
    if (version?.state === 'failed' && version.stageEpoch === rollout.stageEpoch)
      return abort(`${runner.runner} cannot serve ${rollout.definition.version}: ${version.detail}`);
  }
  if (rollout.servingSince !== undefined || rollout.enteredAt === undefined) return undefined;
  const waiting = around.runners.filter((r) => r.roles.includes('serve') && !hasCandidateReady(r, rollout));
  if (waiting.length === 0) return undefined;
  const starts = [rollout.enteredAt, state.leaderSince, ...waiting.map(({ startedAt }) => startedAt)];
  const since = Math.max(...starts.filter((at) => at !== undefined).map((at) => Date.parse(at)));
  const waitedSeconds = (facts.now.getTime() - since) / 1000;
  return waitedSeconds > around.readyTimeoutSeconds
    ? abort(`no runner had ${rollout.definition.version} ready within ${around.readyTimeoutSeconds} s`)
    : undefined;
}

function readinessChange(rollout: Rollout, runners: readonly RunnerStatus[], facts: Facts): RolloutEvent[] {
  const serving = runners.filter((r) => r.roles.includes('serve'));
  if (rollout.servingSince !== undefined || serving.length === 0) return [];
  if (!serving.every((r) => hasCandidateReady(r, rollout))) return [];
  const { rolloutId, stageEpoch } = rollout;
  return [
    rolloutEventOf(facts, 'rollout.stage_serving', {
      rolloutId,
      stageEpoch,
      runners: serving.map((r) => r.runner).sort(),
    }),
  ];
}

/** Nobody served for a while, for instance because no leader stood by the state, and now somebody does: the soak goes on from there. */
function resumption(rollout: Rollout, served: ServedTime | undefined, facts: Facts): RolloutEvent[] {
  const resumed = served?.resumed;
  if (resumed === undefined || rollout.servingSince === undefined || rollout.resumedAt === resumed.at) return [];
  const { rolloutId, stageEpoch, runners } = rollout;
  return [rolloutEventOf(facts, 'rollout.stage_serving', { rolloutId, stageEpoch, runners: [...runners], resumed })];
}

function firstTraffic(rollout: Rollout, { candidateRequests }: Surroundings, facts: Facts): RolloutEvent[] {
  const { rolloutId, stageEpoch, servingSince, trafficSince } = rollout;
  if (servingSince === undefined || trafficSince !== undefined || candidateRequests === 0) return [];
  return [rolloutEventOf(facts, 'rollout.traffic_seen', { rolloutId, stageEpoch })];
}

/** A text of others, such as a loader's, cut to what a reason may hold. */
function clip(text: string): string {
  return text.length > WHY_LENGTH ? `${text.slice(0, WHY_LENGTH - 1)}…` : text;
}

function hasReady({ roles, models }: RunnerStatus, model: string, { digest, dataset }: ServedVersion): boolean {
  const versions = models.find((one) => one.model === model)?.versions ?? [];
  return (
    roles.includes('serve') &&
    versions.some((one) => one.state === 'ready' && one.digest === digest && (one.dataset ?? dataset) === dataset)
  );
}

function hasCandidateReady(runner: RunnerStatus, rollout: Rollout): boolean {
  const version = candidateOn(runner, rollout);
  return version?.state === 'ready' && version.stageEpoch === rollout.stageEpoch;
}

function candidateOn(runner: RunnerStatus, rollout: Rollout) {
  const served = runner.models.find((m) => m.model === rollout.definition.model);
  return served?.versions.find((v) => v.digest === rollout.definition.digest);
}

function verdictTransitions(rollout: Rollout, verdicts: readonly Verdict[], facts: Facts): RolloutEvent[] {
  const { rolloutId, stageEpoch } = rollout;
  return verdicts
    .filter((v) => v.outcome !== (rollout.verdicts[v.gate]?.outcome ?? 'pending'))
    .map((verdict) => rolloutEventOf(facts, 'rollout.verdict_changed', { rolloutId, stageEpoch, verdict }));
}

/** A deciding gate that failed and was not overridden ends the rollout at once. */
function breachAbort(rollout: Rollout, around: Surroundings, facts: Facts): RolloutEvent[] {
  // An open P0 holds the rollout; it is people who decide whether it also takes the traffic back.
  const breached = around.verdicts.find(
    (v) => v.outcome === 'fail' && !v.dryRun && v.source !== 'incidents' && rollout.overrides[v.gate] === undefined,
  );
  if (breached === undefined) return [];
  const { rolloutId } = rollout;
  const summarised =
    around.summary === undefined
      ? []
      : [rolloutEventOf(facts, 'rollout.stage_summarised', { rolloutId, summary: around.summary })];
  const reason = `gate ${breached.gate} failed in ${rollout.stage ?? 'no stage'}: ${breached.sentence}`;
  return [
    ...summarised,
    rolloutEventOf(facts, 'rollout.aborted', {
      rolloutId,
      by: 'coordinator',
      reason: clip(reason),
      gate: breached.gate,
      verdict: breached,
    }),
  ];
}

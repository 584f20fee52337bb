import type { Commit } from '@conclave/contracts';
import { foldWorld, initialWorld, type Rollout, type RolloutsState, type World } from '@conclave/core';

/** Where a history ends, and how each model's rollouts came there: a line for each commit that changed stage, vote, approval, holds or ending. */
export function wayAndEndOf(commits: readonly Commit[]): { way: string[]; end: unknown } {
  const world = initialWorld();
  const last = new Map<string, string>();
  const way: string[] = [];
  for (const commit of commits) {
    foldWorld(world, commit);
    const { kind, id } = commit.aggregate;
    if (kind !== 'rollouts') continue;
    const now = standing(world.rollouts[id]);
    if (now === last.get(id)) continue;
    last.set(id, now);
    way.push(`${commit.seq} ${id}: ${now}`);
  }
  return { way, end: endOf(world) };
}

function standing(state: RolloutsState | undefined): string {
  if (state === undefined) return 'forgotten';
  const { current, holds, stable } = state;
  const serves = `${stable?.version ?? 'nothing'} serves`;
  const held = Object.values(holds).map(({ kind }) => `held (${kind})`);
  if (current === undefined) return [serves, ...held].join(', ');
  const { definition, phase, stage, stageEpoch, vote, approval, verdicts, ended } = current;
  const passed = Object.values(verdicts).filter(({ outcome }) => outcome === 'pass').length;
  const voted = vote === undefined ? [] : [`${vote.decision}${vote.lifted === undefined ? '' : ' lifted'}`];
  const answered = approval === undefined ? [] : [approval.approved ? 'approved' : 'rejected'];
  const end = ended === undefined ? [] : [`ended by ${ended.by}: ${ended.reason}`];
  const stands = `${definition.version} ${phase} ${stage ?? '-'} ${stageEpoch}, ${passed} passed`;
  return [serves, stands, ...voted, ...answered, ...held, ...end].join(', ');
}

/**
 * The parts of a folded world that must never change, however the folds are rewritten: what serves, the stages, votes and endings of every
 * rollout, what became of each meeting, action, evaluation and incident. What a fold keeps for its own work is not among them.
 */
function endOf(world: World): unknown {
  const end = {
    seq: world.seq,
    rollouts: each(world.rollouts, ({ stable, previousStable, current, past, holds, leaderEpoch, stageEpoch }) => ({
      serves: served(stable),
      before: served(previousStable),
      epochs: [leaderEpoch, stageEpoch],
      holds: Object.values(holds).map(({ holdId, kind }) => `${kind} ${holdId}`),
      current: current === undefined ? null : endOfRollout(current),
      past: past.map(endOfRollout),
    })),
    forgotten: each(world.forgotten, ({ forgotten }) => forgotten?.reason),
    meetingsCalled: world.schedule.meetings.map(({ meetingId, outcome }) => `${meetingId} ${outcome ?? 'open'}`),
    skips: world.schedule.skips.map(({ slot, reason }) => `${slot} ${reason}`),
    plans: each(world.schedule.plans, ({ origin, actionIds }) => `${origin} ${actionIds.length}`),
    scheduled: each(world.schedule.actions, ({ state, outcome, attempt }) => `${state} ${outcome ?? '-'} ${attempt}`),
    meetings: each(world.meetings, ({ turns, absences, closed }) => ({
      spoken: turns.map(({ phase, role }) => `${phase} ${role}`),
      absent: absences.map(({ role }) => role),
      outcome: closed?.outcome ?? 'open',
      decisions:
        closed?.decisions.map(({ rolloutId, decision, toStage }) => `${rolloutId} ${decision} ${toStage}`) ?? [],
    })),
    actions: each(world.actions, ({ calls, completed }) => ({
      calls: calls.map(({ tool, returned }) => `${tool} ${returned === undefined ? 'open' : returned.ok}`),
      outcome: completed?.outcome ?? 'open',
    })),
    evaluations: each(world.evaluations, ({ state, result }) => `${state} ${result?.kind ?? '-'}`),
    incidents: each(world.incidents, ({ severity, resolved }) => [severity, resolved !== undefined]),
    registry: each(world.registry, ({ versions, datasets }) => [
      ...Object.keys(versions),
      ...datasets.map(({ name }) => name),
    ]),
    insights: world.roadmap.insights.map(({ text }) => text),
  };
  return JSON.parse(JSON.stringify(end));
}

function endOfRollout({
  rolloutId,
  definition,
  phase,
  stage,
  stageEpoch,
  verdicts,
  overrides,
  vote,
  ...rest
}: Rollout): unknown {
  return {
    rollout: `${rolloutId} of ${definition.version}`,
    phase,
    stage: `${stage ?? '-'} ${stageEpoch}`,
    served: [rest.firstServedAt, rest.servingSince, rest.trafficSince],
    runners: rest.runners,
    verdicts: each(verdicts, ({ outcome, eventId }) => `${outcome} by ${eventId}`),
    overrides: Object.keys(overrides),
    vote: vote === undefined ? null : [vote.meetingId, vote.decision, vote.verdictSet, vote.lifted?.reason],
    approval: rest.approval === undefined ? null : [rest.approval.by, rest.approval.approved, rest.approval.verdictSet],
    stages: rest.summaries.map((summary) => `${summary.stage} ${summary.stageEpoch}`),
    ended: rest.ended === undefined ? null : [rest.ended.by, rest.ended.reason, rest.ended.gate],
  };
}

function served(
  version: { readonly version: string; readonly digest: string; readonly servedAt?: string | undefined } | undefined,
) {
  return version === undefined ? null : [version.version, version.digest, version.servedAt ?? 'never'];
}

/** By key in an order that says nothing: the order in which a fold keeps entries is its own. */
function each<T, R>(record: Readonly<Record<string, T>>, tell: (entry: T) => R): Record<string, R> {
  return Object.fromEntries(
    Object.keys(record)
      .sort()
      .flatMap((key) => {
        const entry = record[key];
        return entry === undefined ? [] : [[key, tell(entry)] as const];
      }),
  );
}

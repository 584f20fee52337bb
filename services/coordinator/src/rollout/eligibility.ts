import {
  decidingGates,
  gatesPassed,
  nextStage,
  type Rollout,
  type RolloutsState,
  soakSecondsOf,
  verdictSetOf,
} from '@conclave/contracts';

/*
 * Promise 1, in its order. A rollout may enter its next stage only when nothing is listed here:
 * runners ready, soak elapsed, every deciding gate passed in this epoch (or overridden by an operator), a meeting voted
 * `go` on exactly these verdicts, a person approved where the definition asks for it, and no hold stands.
 */

/** What keeps the rollout from its next stage, one sentence each, in the order it has to come. Empty: eligible. */
export function missingForNextStage(state: RolloutsState, rollout: Rollout, now: Date): string[] {
  const holds = Object.values(state.holds).map((hold) => `held since ${hold.since} by ${hold.by}: ${hold.reason}`);
  if (nextStage(rollout) === undefined) return ['it stands in its last stage', ...holds];
  if (rollout.definition.authority === 'observe' && rollout.stage !== undefined) {
    return ['the rollout only observes (authority: observe): agents are scored, nothing advances', ...holds];
  }
  if (rollout.stage === undefined) return holds;
  return [
    ...missingReadiness(rollout, now),
    ...missingGates(rollout),
    ...missingVote(rollout),
    ...missingApproval(rollout),
    ...holds,
  ];
}

/** True when only the vote (and what follows it) is missing: a meeting should be called. */
export function awaitsVote(state: RolloutsState, rollout: Rollout, now: Date): boolean {
  return (
    rollout.stage !== undefined &&
    nextStage(rollout) !== undefined &&
    Object.keys(state.holds).length === 0 &&
    missingReadiness(rollout, now).length === 0 &&
    gatesPassed(rollout) &&
    rollout.vote?.verdictSet !== verdictSetOf(rollout)
  );
}

/** True when the last stage is earned too and the candidate can become stable. */
export function isEarnedWhole(state: RolloutsState, rollout: Rollout, now: Date): boolean {
  return (
    rollout.stage !== undefined &&
    nextStage(rollout) === undefined &&
    Object.keys(state.holds).length === 0 &&
    missingReadiness(rollout, now).length === 0 &&
    gatesPassed(rollout)
  );
}

/** Seconds of soak left; the whole soak while the stage does not serve. */
export function soakSecondsLeft(rollout: Rollout, now: Date): number {
  const soak = soakSecondsOf(rollout);
  if (rollout.servingSince === undefined) return soak;
  return Math.max(0, soak - (now.getTime() - Date.parse(rollout.servingSince)) / 1000);
}

function missingReadiness(rollout: Rollout, now: Date): string[] {
  if (rollout.servingSince === undefined)
    return [`the runners are not ready to serve ${rollout.definition.version} in ${rollout.stage ?? 'a stage'}`];
  const left = soakSecondsLeft(rollout, now);
  return left > 0 ? [`${Math.ceil(left)} s of the soak of ${soakSecondsOf(rollout)} s are left`] : [];
}

function missingGates(rollout: Rollout): string[] {
  return decidingGates(rollout).flatMap((name) => {
    const recorded = rollout.verdicts[name];
    if (recorded?.outcome === 'pass' || rollout.overrides[name] !== undefined) return [];
    return [
      recorded === undefined
        ? `gate ${name} is pending: nothing measured yet`
        : `gate ${name} is ${recorded.outcome}: ${recorded.sentence}`,
    ];
  });
}

function missingVote(rollout: Rollout): string[] {
  const { vote } = rollout;
  if (vote === undefined) return ['no meeting has voted on these verdicts'];
  if (vote.verdictSet !== verdictSetOf(rollout))
    return [`meeting ${vote.meetingId} voted on other verdicts than those that stand now`];
  return vote.decision === 'go' ? [] : [`meeting ${vote.meetingId} voted no_go`];
}

function missingApproval(rollout: Rollout): string[] {
  if (rollout.definition.authority !== 'recommend') return [];
  const { approval } = rollout;
  const given = approval?.verdictSet === verdictSetOf(rollout) ? approval : undefined;
  if (given?.approved === true) return [];
  return given === undefined
    ? ['a person must approve this step (authority: recommend): conclave approve']
    : [`${given.by} rejected this step: ${given.reason}`];
}

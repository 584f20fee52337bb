import { ConclaveError, type RolloutEvent, shortDigest } from '@conclave/contracts';
import { missingInStage, nextStage, type Rollout, type RolloutsState, verdictSetOf } from '@conclave/core';
import type { Facts } from '../facts.ts';
import { requireOpen } from './require-open.ts';
import { rolloutEventOf } from './rollout-event.ts';

/**
 * A person's yes or no on the verdicts as they stand. Given too early it would be void by the time it counts, so it is refused with what
 * is missing: a yes waits for the meeting's go, a no for the evidence alone. A pause hinders neither.
 * @param verdicts the verdict set that the person looked at, or its beginning
 * @throws CVE_ROLLOUT_CONFLICT when other verdicts stand by now, CVE_ROLLOUT_NOT_ELIGIBLE when there is nothing to decide on yet
 */
export function decideApproval(
  state: RolloutsState,
  approved: boolean,
  reason: string,
  by: string,
  facts: Facts,
  verdicts?: string,
): RolloutEvent[] {
  const rollout = requireOpen(state);
  const { rolloutId, stageEpoch } = rollout;
  const verdictSet = verdictSetOf(rollout);
  if (verdicts !== undefined && !isBeginningOf(verdictSet, verdicts)) {
    throw new ConclaveError(
      'CVE_ROLLOUT_CONFLICT',
      `${rolloutId} stands on the verdicts ${shortDigest(verdictSet)} by now, not on ${shortDigest(verdicts)} as you saw; look again: conclave explain ${state.model}`,
    );
  }
  const early = missingForDecision(state, rollout, approved, facts.now);
  if (early !== undefined) {
    throw new ConclaveError(
      'CVE_ROLLOUT_NOT_ELIGIBLE',
      `${rolloutId} cannot be ${approved ? 'approved' : 'rejected'}: ${early}`,
    );
  }
  if (rollout.approval?.verdictSet === verdictSet && rollout.approval.approved === approved) return [];
  return [
    rolloutEventOf(facts, approved ? 'rollout.approved' : 'rollout.rejected', {
      rolloutId,
      stageEpoch,
      verdictSet,
      by,
      reason,
    }),
  ];
}

/** Why a person's word would have no effect now; undefined when it has. */
function missingForDecision(state: RolloutsState, rollout: Rollout, approved: boolean, now: Date): string | undefined {
  const { model, authority } = rollout.definition;
  const stopNow = `to stop it now: conclave pause ${model} or conclave abort ${model}`;
  const next = nextStage(rollout);
  if (rollout.stage === undefined || next === undefined)
    return `${rollout.stage === undefined ? 'shadow' : 'completion'} waits for no person; ${stopNow}`;
  if (authority !== 'recommend')
    return `with authority ${authority} ${authority === 'act' ? 'it advances without a person' : 'nothing advances'}; ${stopNow}`;
  const missing = missingInStage(state, rollout, now)
    .filter(({ kind }) => kind !== 'hold')
    .map(({ sentence }) => sentence);
  const { vote } = rollout;
  if (approved && missing.length === 0) {
    if (vote?.verdictSet !== verdictSetOf(rollout)) missing.push('no meeting has voted on these verdicts');
    else if (vote.decision === 'no_go') missing.push(`meeting ${vote.meetingId} voted no_go`);
  }
  if (missing.length === 0) return undefined;
  return `it is too early for ${next}: ${missing.join('; ')}${approved ? `; see conclave explain ${model}` : `; ${stopNow}`}`;
}

function isBeginningOf(digest: string, beginning: string): boolean {
  return digest.startsWith(beginning.startsWith('sha256:') ? beginning : `sha256:${beginning}`);
}

import {
  type DeployAnswer,
  type RolloutEvent,
  STAGES,
  type StageName,
  type StageSummary,
  shareOf,
} from '@conclave/contracts';
import { missingForNextStage, nextStage, openRollout, type RolloutsState, verdictSetOf } from '@conclave/core';
import type { Facts } from '../facts.ts';
import { rolloutEventOf } from './rollout-event.ts';

export interface DeployRequest {
  readonly version: string;
  readonly stage: StageName;
  readonly requestedBy: string;
}

export interface DeployDecision {
  readonly answer: DeployAnswer;
  readonly events: readonly RolloutEvent[];
}

/**
 * Decides a request for a stage. Only the next stage of the open rollout's own version can be entered, and only when
 * nothing is missing; asking for the present stage again changes nothing.
 * @param summary what the stage that would be left has served.
 */
export function decideDeploy(
  state: RolloutsState,
  request: DeployRequest,
  facts: Facts,
  summary: StageSummary | undefined,
): DeployDecision {
  const rollout = openRollout(state);
  if (rollout === undefined) {
    if (state.stable?.version === request.version && request.stage === 'production')
      return answer('already_there', 'production', state.stageEpoch);
    const last = state.current;
    const ended =
      last?.definition.version === request.version
        ? `; its last rollout ended ${last.phase}: ${last.ended?.reason ?? ''}`
        : '';
    return answer('not_eligible', null, state.stageEpoch, [
      `no rollout of ${state.model} ${request.version} is open${ended}; an operator starts one with conclave apply`,
    ]);
  }
  const stage = rollout.stage ?? null;
  const { version } = rollout.definition;
  if (version !== request.version) {
    return answer('not_eligible', stage, rollout.stageEpoch, [
      `the open rollout of ${state.model} is of ${version}, not ${request.version}`,
    ]);
  }
  if (rollout.stage === request.stage) return answer('already_there', stage, rollout.stageEpoch);
  if (rollout.stage !== undefined && STAGES.indexOf(request.stage) < STAGES.indexOf(rollout.stage)) {
    return answer('not_eligible', stage, rollout.stageEpoch, [
      `${request.stage} lies behind ${rollout.stage}; traffic is taken back with rollback_model`,
    ]);
  }
  const next = nextStage(rollout);
  const wrongStage =
    next === request.stage
      ? []
      : [`the next stage is ${next ?? 'none'}, not ${request.stage}: stages are entered one at a time`];
  const missing = [...wrongStage, ...missingForNextStage(state, rollout, facts.now)];
  if (missing.length > 0) return answer('not_eligible', stage, rollout.stageEpoch, missing);

  const { rolloutId, vote, approval } = rollout;
  const stageEpoch = state.stageEpoch + 1;
  const earnedBy =
    vote === undefined || rollout.stage === undefined
      ? {}
      : {
          earnedBy: {
            meetingId: vote.meetingId,
            verdictSet: verdictSetOf(rollout),
            ...(approval?.approved === true ? { approvedBy: approval.by } : {}),
          },
        };
  const entered = rolloutEventOf(facts, 'rollout.stage_entered', {
    rolloutId,
    stage: request.stage,
    stageEpoch,
    share: shareOf(request.stage),
    requestedBy: request.requestedBy,
    ...earnedBy,
  });
  const summarised =
    summary === undefined ? [] : [rolloutEventOf(facts, 'rollout.stage_summarised', { rolloutId, summary })];
  return {
    answer: { outcome: 'entered', stage: request.stage, stageEpoch, missing: [] },
    events: [...summarised, entered],
  };
}

function answer(
  outcome: DeployAnswer['outcome'],
  stage: StageName | null,
  stageEpoch: number,
  missing: string[] = [],
): DeployDecision {
  return { answer: { outcome, stage, stageEpoch, missing }, events: [] };
}

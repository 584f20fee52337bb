import { aggregates, type RolloutEvent, type RunnerStatus } from '@conclave/contracts';
import { openRollout, unreadOf, type World } from '@conclave/core';
import type { WorldWriter } from '@conclave/service';
import { type Clock, faultPoint } from '@conclave/service';
import type { RolloutDesk } from '../api/rollout-desk.ts';
import type { CoordinatorOptions } from '../coordinator-options.ts';
import type { Facts } from '../facts.ts';
import { gatherEvidence } from '../gates/evidence.ts';
import { judgeGate } from '../gates/judge-gate.ts';
import { type DeployDecision, decideDeploy } from '../rollout/deploy.ts';
import { judgeSplit } from '../rollout/judge-split.ts';
import { summariseStage } from '../rollout/stage-summary.ts';
import { type Surroundings, superviseRollout } from '../rollout/supervise-rollout.ts';
import type { EvidenceFollower } from './evidence-follower.ts';

export interface RolloutLoop extends RolloutDesk {
  /** Records what has changed for each model: holds, readiness, verdicts, votes, breach, completion. */
  tick(): Promise<void>;
}

/** Readiness, verdicts, votes and completion follow one another; more turns mean that the evidence is changing under the request. */
const MAX_SETTLING_TURNS = 5;

export function rolloutLoop(
  writer: WorldWriter,
  telemetry: Pick<EvidenceFollower, 'of' | 'isWhole'>,
  runners: () => readonly RunnerStatus[],
  clock: Clock,
  newId: () => string,
  options: CoordinatorOptions,
  world: () => World,
): RolloutLoop {
  const facts = (): Facts => ({ now: clock.now(), newId });

  const surroundings = (now: World, model: string, at: Date): Surroundings => {
    const state = now.rollouts[model];
    const rollout = state === undefined ? undefined : openRollout(state);
    const evidence = rollout === undefined ? undefined : gatherEvidence(now, rollout, telemetry.of(model));
    const context = { now: at, evidenceMaxAgeSeconds: options.evidenceMaxAgeSeconds };
    const verdicts =
      rollout === undefined || evidence === undefined || rollout.stage === undefined
        ? []
        : rollout.definition.gates.map((gate) => judgeGate(gate, rollout, evidence, context));
    return {
      world: now,
      runners: runners(),
      verdicts,
      served: evidence?.telemetry.served,
      candidateRequests: evidence?.telemetry.total?.requests ?? 0,
      summary:
        rollout === undefined || evidence === undefined
          ? undefined
          : summariseStage(rollout, evidence.telemetry, verdicts),
      split:
        rollout === undefined || evidence === undefined
          ? undefined
          : judgeSplit(rollout, evidence.telemetry, runners()),
      tallyRules: options.tally,
      noGoSeconds: options.noGoSeconds,
      readyTimeoutSeconds: options.readyTimeoutSeconds,
    };
  };

  const supervise = (now: World, model: string, at: Facts): RolloutEvent[] => {
    const state = now.rollouts[model];
    const around = surroundings(now, model, at.now);
    return state === undefined || !telemetry.isWhole ? [] : superviseRollout(state, around, at);
  };

  const superviseModel = async (model: string): Promise<number> => {
    const events = await writer.commit(aggregates.rollouts(model), (now) => supervise(now, model, facts()));
    if (events.some((e) => e.type === 'rollout.aborted' || e.type === 'rollout.completed'))
      await faultPoint('coordinator.after_rollout_ended');
    return events.length;
  };

  return {
    async tick() {
      // A model whose journal has what this version cannot read waits for a leader that can; the others go on.
      for (const model of Object.keys(world().rollouts))
        if (unreadOf(world(), aggregates.rollouts(model)) === undefined) await superviseModel(model);
    },
    async deploy(request) {
      let decision: DeployDecision | undefined;
      // Verdicts are brought up to date first: nobody may advance on one that does not hold any more.
      for (let turn = 0; turn < MAX_SETTLING_TURNS && (await superviseModel(request.model)) > 0; turn++);
      await faultPoint('coordinator.before_stage_entered');
      await writer.commit(aggregates.rollouts(request.model), (now) => {
        const at = facts();
        const state = now.rollouts[request.model];
        if (state === undefined) {
          decision = {
            answer: {
              outcome: 'not_eligible',
              stage: null,
              stageEpoch: 0,
              missing: [`model ${request.model} has no rollout; adopt a version and apply one`],
            },
            events: [],
          };
          return [];
        }
        const changed = supervise(now, request.model, at);
        if (changed.length > 0 || !telemetry.isWhole) {
          const missing = ['the evidence keeps changing; ask again'];
          decision = {
            answer: {
              outcome: 'not_eligible',
              stage: state.current?.stage ?? null,
              stageEpoch: state.stageEpoch,
              missing,
            },
            events: [],
          };
          return changed;
        }
        decision = decideDeploy(state, request, at, surroundings(now, request.model, at.now).summary);
        return decision.events;
      });
      await faultPoint('coordinator.after_stage_entered');
      return (
        decision?.answer ?? {
          outcome: 'not_eligible',
          stage: null,
          stageEpoch: 0,
          missing: ['nothing was decided; ask again'],
        }
      );
    },
    live(model) {
      const now = world();
      const state = now.rollouts[model];
      const rollout = state === undefined ? undefined : openRollout(state);
      if (rollout === undefined) return undefined;
      const { rolloutId, stageEpoch } = rollout;
      const at = clock.now();
      const { verdicts, split } = surroundings(now, model, at);
      return { model, rolloutId, stageEpoch, at: at.toISOString(), verdicts: [...verdicts], split: split ?? null };
    },
  };
}

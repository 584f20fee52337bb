import { isConclaveError, type RolloutDefinition, type RolloutEvent, type StageName } from '@conclave/contracts';
import { openRollout } from '@conclave/core';
import { gatherEvidence } from '../gates/evidence.ts';
import { judgeGate } from '../gates/judge-gate.ts';
import { addCandidateWindow, emptyStageTelemetry, type StageTelemetry } from '../gates/stage-telemetry.ts';
import { decideRevert } from '../rollout/abort.ts';
import { decideApply } from '../rollout/apply.ts';
import { decideApproval } from '../rollout/approve.ts';
import { decideDeploy } from '../rollout/deploy.ts';
import { superviseRollout } from '../rollout/supervise-rollout.ts';
import { evaluated, rollbackTested, runner, window } from './given-evidence.ts';
import { appliedWorld, CANDIDATE_DIGEST, definition, SOAK_SECONDS, type TestWorld } from './test-world.ts';

export const RULES = { quorum: 4, majority: 0.5, veto: ['critic'] as const };

/** How long a no_go stands. */
export const NO_GO_SECONDS = 120;

/** What a stage needs before it may be left. */
export const NEEDS = ['traffic', 'evaluate', 'rollback_test', 'wait', 'vote', 'approval'] as const;

type Authority = 'act' | 'recommend' | 'observe';

/** One coordinator over a test journal, with telemetry in memory as the leader keeps it. */
export class Simulation {
  readonly t: TestWorld;
  telemetry: StageTelemetry = emptyStageTelemetry(CANDIDATE_DIGEST, 0);
  noGoSeconds = NO_GO_SECONDS;
  runnerState: 'ready' | 'loading' | 'failed' = 'ready';

  private readonly spec: Partial<RolloutDefinition['spec']>;

  constructor(authority: Authority, spec: Partial<RolloutDefinition['spec']> = {}) {
    this.spec = { authority, ...spec };
    this.t = appliedWorld(this.spec);
  }

  /** Opens a rollout of the same version after one that ended, in production or before it. */
  applyAgain(): void {
    const { t } = this;
    if (t.state.stable?.digest === CANDIDATE_DIGEST) t.appendRollout(decideRevert(t.state, 'op', 'again', t.facts()));
    const again = definition(this.spec);
    t.appendRollout(decideApply(t.world, t.state, again, 'op', SOAK_SECONDS, t.facts(), true));
  }

  private around() {
    const { t } = this;
    const rollout = openRollout(t.state);
    const evidence = rollout === undefined ? undefined : gatherEvidence(t.world, rollout, this.telemetry);
    const verdicts =
      rollout === undefined || evidence === undefined || rollout.stage === undefined
        ? []
        : rollout.definition.gates.map((gate) =>
            judgeGate(gate, rollout, evidence, { now: t.now, evidenceMaxAgeSeconds: 120 }),
          );
    return {
      world: t.world,
      runners: [runner(t, this.runnerState)],
      verdicts,
      served: evidence?.telemetry.served,
      candidateRequests: evidence?.telemetry.total?.requests ?? 0,
      summary: undefined,
      split: undefined,
      tallyRules: RULES,
      noGoSeconds: this.noGoSeconds,
      readyTimeoutSeconds: 300,
    };
  }

  tick(): RolloutEvent[] {
    const events = superviseRollout(this.t.state, this.around(), this.t.facts());
    this.t.appendRollout(events);
    return events;
  }

  /** Ticks until nothing more follows from the present evidence. */
  settle(): void {
    for (let i = 0; i < 20 && this.tick().length > 0; i++);
  }

  deploy(stage: StageName, version = '1.0'): string {
    this.settle();
    const { answer, events } = decideDeploy(
      this.t.state,
      { version, stage, requestedBy: 'action' },
      this.t.facts(),
      undefined,
    );
    this.t.appendRollout(events);
    return answer.outcome;
  }

  /** What a stage needs, less what is skipped. */
  earn(skip: (typeof NEEDS)[number] | 'nothing'): void {
    this.settle();
    if (skip !== 'traffic') this.traffic(400, 3);
    if (skip !== 'evaluate') evaluated(this.t, 0.74);
    if (skip !== 'rollback_test') rollbackTested(this.t, true);
    if (skip !== 'wait') this.t.advance(SOAK_SECONDS + 1);
    this.settle();
    if (skip !== 'vote') this.t.meet(() => 'go');
    this.settle();
    if (skip !== 'approval' && this.spec.authority === 'recommend') this.answer(true);
  }

  /** A person's yes or no, where it is not too early for one. */
  answer(approved: boolean): void {
    if (openRollout(this.t.state) === undefined) return;
    try {
      this.t.appendRollout(decideApproval(this.t.state, approved, 'seen', 'op', this.t.facts()));
    } catch (error) {
      if (!isConclaveError(error, 'CVE_ROLLOUT_NOT_ELIGIBLE')) throw error;
    }
  }

  traffic(requests: number, latencyMs: number, epochOffset = 0): void {
    const stageEpoch = Math.max(0, this.t.state.stageEpoch + epochOffset);
    if (this.telemetry.stageEpoch !== this.t.state.stageEpoch)
      this.telemetry = emptyStageTelemetry(CANDIDATE_DIGEST, this.t.state.stageEpoch);
    if (openRollout(this.t.state)?.servingSince === undefined) return;
    this.telemetry = addCandidateWindow(this.telemetry, window(this.t, { requests, latencyMs, stageEpoch }), 200, 120);
  }
}

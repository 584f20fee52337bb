import {
  aggregates,
  DEFAULT_GATES,
  type PinnedRollout,
  pinnedRollout,
  STAGES,
  type StageName,
  type StageSummary,
  shareOf,
  type Verdict,
  type VerdictOutcome,
} from '@conclave/contracts';
import { verdictSetOf } from '@conclave/core';
import { type DataOf, draft } from './draft.ts';
import { IncidentHistory } from './incidents.ts';
import { verdictOf } from './verdicts.ts';

export interface AppliedOptions extends Partial<Omit<PinnedRollout, 'stages'>> {
  readonly rolloutId?: string;
  readonly by?: string;
  /** Soak of each stage in seconds. Default 10. */
  readonly soakSeconds?: number;
  /** Default: all of the guide's. */
  readonly stages?: readonly StageName[];
}

const SLOW = { value: 71.4, interval: { low: 66.2, high: 80.1 }, sentence: 'P95 71.4 ms [66.2-80.1], needs < 50' };

/** The rollouts of a model: what serves, and how the candidate earns its stages. Ids and epochs are those of the open rollout. */
export abstract class RolloutHistory extends IncidentHistory {
  leaderChanged(leaderEpoch = 1, leader = 'coordinator-0'): this {
    return this.ofRollouts('rollout.leader_changed', { leader, leaderEpoch });
  }

  adopted(change: Partial<DataOf<'rollout.adopted'>> = {}): this {
    const { model, stable: version } = this.cast;
    const digest = this.digestOf(version);
    return this.ofRollouts('rollout.adopted', {
      model,
      version,
      digest,
      dataset: this.datasetDigest,
      by: 'ada',
      ...change,
    });
  }

  stableServing(runners = ['gpu-runner-0']): this {
    const { version, digest, dataset } = this.rolloutsOf().stable ?? missing('nothing was adopted');
    return this.ofRollouts('rollout.stable_serving', { version, digest, dataset, runners });
  }

  forgotten(reason = 'no longer served'): this {
    return this.ofRollouts('rollout.forgotten', { by: 'ada', reason });
  }

  /** A definition of the candidate with everything pinned. */
  definition({ soakSeconds = 10, stages = STAGES, ...change }: AppliedOptions = {}): PinnedRollout {
    const { model, dataset: datasetName } = this.cast;
    const version = change.version ?? this.cast.candidate;
    return pinnedRollout.parse({
      name: `${model}-${version}`.replaceAll(/[^a-z0-9-]/g, '-'),
      model,
      version,
      digest: this.digestOf(version),
      datasetName,
      dataset: this.datasetDigest,
      authority: 'act',
      stages: stages.map((name) => ({ name, soakSeconds })),
      gates: DEFAULT_GATES,
      ...change,
    });
  }

  applied(options: AppliedOptions = {}): this {
    const { rolloutId, by = 'ada' } = options;
    const definition = this.definition(options);
    const { current, past } = this.rolloutsOf();
    const before = [current, ...past].filter((rollout) => rollout?.definition.version === definition.version).length;
    const id = rolloutId ?? `${definition.name}${before === 0 ? '' : `-${before + 1}`}`;
    return this.ofRollouts('rollout.applied', { rolloutId: id, definition, by });
  }

  /** The next epoch in a stage; by default earned, after shadow, by the vote that stands. */
  entered(stage: StageName, change: Partial<DataOf<'rollout.stage_entered'>> = {}): this {
    return this.ofRollouts('rollout.stage_entered', this.#entering(stage, change));
  }

  #entering(stage: StageName, change: Partial<DataOf<'rollout.stage_entered'>> = {}): DataOf<'rollout.stage_entered'> {
    const { rolloutId, vote } = this.rollout;
    const earnedBy = vote === undefined ? {} : { earnedBy: { meetingId: vote.meetingId, verdictSet: vote.verdictSet } };
    const stageEpoch = this.rolloutsOf().stageEpoch + 1;
    const entered = { rolloutId, stage, stageEpoch, share: shareOf(stage), requestedBy: 'ops_commander' };
    return { ...entered, ...earnedBy, ...change };
  }

  serving(runners = ['gpu-runner-0'], change: Partial<DataOf<'rollout.stage_serving'>> = {}): this {
    return this.ofRollouts('rollout.stage_serving', { ...this.#epoch(), runners, ...change });
  }

  trafficSeen(): this {
    return this.ofRollouts('rollout.traffic_seen', this.#epoch());
  }

  verdict(gate: string, outcome: VerdictOutcome, change: Partial<Verdict> = {}): this {
    return this.ofRollouts('rollout.verdict_changed', this.#judged(gate, outcome, change));
  }

  #judged(gate: string, outcome: VerdictOutcome, change: Partial<Verdict> = {}): DataOf<'rollout.verdict_changed'> {
    const { definition, rolloutId, stageEpoch } = this.rollout;
    const known = definition.gates.find(({ name }) => name === gate) ?? missing(`no gate ${gate} is defined`);
    const about = { stageEpoch, modelDigest: definition.digest, dataset: definition.dataset };
    const verdict = { ...verdictOf(known, outcome, about), ...change };
    return { rolloutId, stageEpoch: verdict.stageEpoch, verdict };
  }

  /** Every gate of the definition but these, each with its own change. */
  allPassed(change: Partial<Verdict> = {}, except: readonly string[] = []): this {
    for (const { name } of this.rollout.definition.gates)
      if (!except.includes(name)) this.verdict(name, 'pass', change);
    return this;
  }

  /** All of them in one commit, as a leader records what it finds at once. */
  judgedAtOnce(gates: readonly (readonly [gate: string, outcome: VerdictOutcome])[]): this {
    const drafts = gates.map(([gate, outcome]) => draft('rollout.verdict_changed', this.#judged(gate, outcome)));
    return this.commit(aggregates.rollouts(this.cast.model), ...drafts);
  }

  /** The verdicts as they stand. */
  get verdictSet(): string {
    return verdictSetOf(this.rollout);
  }

  /** The vote of a meeting on the verdicts as they stand. */
  voted(decision: 'go' | 'no_go', change: Partial<DataOf<'rollout.voted'>> = {}): this {
    const sides = { yes: [], no: [], abstained: [] };
    const voted = { meetingId: 'meeting-0', decision, verdictSet: this.verdictSet, ...sides, ...change };
    return this.ofRollouts('rollout.voted', { ...this.#epoch(), ...voted });
  }

  voteLifted(reason = 'its time passed'): this {
    const { meetingId } = this.rollout.vote ?? missing('nobody has voted');
    return this.ofRollouts('rollout.vote_lifted', { ...this.#epoch(), meetingId, reason });
  }

  approved(reason = 'seen'): this {
    return this.ofRollouts('rollout.approved', { ...this.#epoch(), verdictSet: this.verdictSet, by: 'ada', reason });
  }

  rejected(reason = 'not this week'): this {
    return this.ofRollouts('rollout.rejected', { ...this.#epoch(), verdictSet: this.verdictSet, by: 'ada', reason });
  }

  overridden(gate: string, reason = 'measured by hand'): this {
    return this.ofRollouts('rollout.gate_overridden', { ...this.#epoch(), gate, by: 'ada', reason });
  }

  held(kind: 'incident' | 'pause' | 'freeze', change: Partial<DataOf<'rollout.held'>> = {}): this {
    return this.ofRollouts('rollout.held', { holdId: 'hold-1', kind, by: 'ada', reason: 'a reason', ...change });
  }

  released(holdId = 'hold-1', reason = 'it may go on'): this {
    return this.ofRollouts('rollout.released', { holdId, by: 'ada', reason });
  }

  summarised(change: Partial<StageSummary> = {}): this {
    return this.ofRollouts('rollout.stage_summarised', this.#summary(change));
  }

  #summary(change: Partial<StageSummary> = {}): DataOf<'rollout.stage_summarised'> {
    const { rolloutId, stage = 'shadow', stageEpoch, verdicts } = this.rollout;
    const summary: StageSummary = {
      stage,
      stageEpoch,
      askedShare: shareOf(stage),
      measuredShare: stage === 'shadow' ? null : Math.min(1, shareOf(stage) + 0.003),
      candidateRequests: 2210,
      candidateErrors: 0,
      stableRequests: 8200,
      latencyP95Ms: 3.4,
      verdicts: Object.values(verdicts),
      ...change,
    };
    return { rolloutId, summary };
  }

  /** Leaves a stage for the next in one commit, as a deployment does. */
  advanced(stage: StageName, requestedBy = 'ops_commander'): this {
    const summary = draft('rollout.stage_summarised', this.#summary());
    const entered = draft('rollout.stage_entered', this.#entering(stage, { requestedBy }));
    return this.commit(aggregates.rollouts(this.cast.model), summary, entered);
  }

  aborted(change: Partial<DataOf<'rollout.aborted'>> = {}): this {
    const { rolloutId } = this.rollout;
    return this.ofRollouts('rollout.aborted', { rolloutId, by: 'ada', reason: 'I have doubts', ...change });
  }

  /** The candidate is too slow, and goes. */
  breached(gate = 'latency_p95_ms'): this {
    const { rolloutId, verdict } = this.verdict(gate, 'fail', gate === 'latency_p95_ms' ? SLOW : {}).#judged(
      gate,
      'fail',
    );
    const reason = `gate ${gate} breached 3 times in a row`;
    return this.ofRollouts('rollout.aborted', { rolloutId, by: 'coordinator', reason, gate, verdict });
  }

  completed(): this {
    return this.ofRollouts('rollout.completed', this.#epoch());
  }

  reverted(reason = 'it melts'): this {
    const { stable, previousStable } = this.rolloutsOf();
    const from = stable ?? missing('nothing serves');
    const to = previousStable ?? missing('nothing served before');
    return this.ofRollouts('rollout.reverted', {
      from: { version: from.version, digest: from.digest },
      to: { version: to.version, digest: to.digest },
      by: 'ada',
      reason,
    });
  }

  #epoch(): { rolloutId: string; stageEpoch: number } {
    const { rolloutId, stageEpoch } = this.rollout;
    return { rolloutId, stageEpoch };
  }
}

function missing(what: string): never {
  throw new Error(`${what} at this point of the history`);
}

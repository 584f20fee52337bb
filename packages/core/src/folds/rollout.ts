import {
  type Commit,
  digestOf,
  type Objection,
  type PinnedRollout,
  type RolloutEvent,
  readCommit,
  type StageName,
  type StageSummary,
  shareOf,
  type Verdict,
} from '@conclave/contracts';

/*
 * Invariants of the fold (promises 1, 2 and 3 of the design rest on them):
 * 1. `stageEpoch` rises by exactly one with each stage entered, over all rollouts of the model; evidence, votes and
 *    approvals carry it and are void in any other epoch.
 * 2. An abort ends the rollout in whatever state it is; events that name an ended rollout change nothing. What an ended rollout brought
 *    into production only a revert takes back, to the version before and never to another.
 * 3. A changed verdict voids the vote and the approval that rested on the old set, because `verdictSet` changes.
 * 4. A fold never decides: it applies what was decided.
 */

export interface ServedVersion {
  readonly version: string;
  readonly digest: string;
  /** Digest of the dataset whose documents it searches. */
  readonly dataset: string;
  readonly since: string;
  /** When a runner first had it ready; absent while it is only claimed to serve (adopted, and loaded nowhere yet). */
  readonly servedAt?: string | undefined;
}

export interface RecordedVerdict extends Verdict {
  /** Id of the `rollout.verdict_changed` event. */
  readonly eventId: string;
  readonly at: string;
}

export interface Vote {
  readonly meetingId: string;
  readonly decision: 'go' | 'no_go';
  readonly verdictSet: string;
  readonly yes: readonly string[];
  readonly no: readonly string[];
  readonly abstained: readonly string[];
  readonly objections?: readonly Objection[] | undefined;
  readonly at: string;
  /** `measurementsOf` the rollout when the vote was recorded; undefined when other verdicts stood by then. */
  readonly measurements: string | undefined;
  /** Sequence of the commit that recorded it. */
  readonly seq: number;
  /** Set when a no_go stands no longer: meetings that close after `seq` may vote on the same verdicts again. */
  readonly lifted: { readonly at: string; readonly seq: number; readonly reason: string } | undefined;
}

export interface Hold {
  readonly holdId: string;
  readonly kind: 'incident' | 'pause' | 'freeze';
  readonly by: string;
  readonly reason: string;
  readonly since: string;
}

export interface Rollout {
  readonly rolloutId: string;
  readonly definition: PinnedRollout;
  readonly appliedBy: string;
  readonly appliedAt: string;
  readonly phase: 'applied' | 'progressing' | 'completed' | 'rolled_back';
  readonly stage: StageName | undefined;
  readonly stageEpoch: number;
  readonly enteredAt: string | undefined;
  /** When every runner had the candidate ready in this epoch. */
  readonly firstServedAt: string | undefined;
  /** The same, but later by the time in which nobody served: the soak counts from here. */
  readonly servingSince: string | undefined;
  /** End of the last interruption on record. */
  readonly resumedAt: string | undefined;
  readonly runners: readonly string[];
  /** When the candidate had answered a request in this stage. */
  readonly trafficSince: string | undefined;
  readonly verdicts: Readonly<Record<string, RecordedVerdict>>;
  readonly overrides: Readonly<Record<string, { readonly by: string; readonly reason: string }>>;
  readonly vote: Vote | undefined;
  readonly approval:
    | {
        readonly by: string;
        readonly approved: boolean;
        readonly verdictSet: string;
        readonly reason: string;
        readonly at: string;
      }
    | undefined;
  /** One for each stage that was left, oldest first; at most `KEPT_SUMMARIES`. */
  readonly summaries: readonly StageSummary[];
  readonly ended:
    | {
        readonly at: string;
        readonly by: string;
        readonly reason: string;
        readonly gate: string | undefined;
        readonly verdict: Verdict | undefined;
      }
    | undefined;
}

export interface RolloutsState {
  readonly model: string;
  /** Sequence of the last commit folded: the expectation of the next append. */
  readonly seq: number;
  readonly leader: string | undefined;
  readonly leaderEpoch: number;
  /** When the present leader took this rollout over. */
  readonly leaderSince: string | undefined;
  readonly stageEpoch: number;
  readonly stable: ServedVersion | undefined;
  /** The last version that left production in good standing. */
  readonly previousStable: ServedVersion | undefined;
  readonly current: Rollout | undefined;
  /** Ended rollouts, newest first, at most 20. */
  readonly past: readonly Rollout[];
  readonly holds: Readonly<Record<string, Hold>>;
  /** Set when the model was taken off the runners; another adopt clears it. Only sequence and epochs go on. */
  readonly forgotten: { readonly at: string; readonly by: string; readonly reason: string } | undefined;
}

export function initialRollouts(model: string): RolloutsState {
  return {
    model,
    seq: 0,
    leader: undefined,
    leaderEpoch: 0,
    leaderSince: undefined,
    stageEpoch: 0,
    stable: undefined,
    previousStable: undefined,
    current: undefined,
    past: [],
    holds: {},
    forgotten: undefined,
  };
}

/** The state after one more commit. */
export function foldRollouts(state: RolloutsState, commit: Commit<RolloutEvent>): RolloutsState {
  return {
    ...commit.events.reduce((folded, event) => applyRolloutEvent(folded, event, commit.seq), state),
    seq: commit.seq,
  };
}

/** The same for a commit as it was stored. One that this version cannot read changes nothing but `seq`. */
export function foldReadableRollouts(state: RolloutsState, commit: Commit): RolloutsState {
  const reading = readCommit('rollouts', commit);
  return reading.unread === undefined ? foldRollouts(state, reading.commit) : { ...state, seq: commit.seq };
}

const KEPT_PAST = 20;
const KEPT_SUMMARIES = 20;

function applyRolloutEvent(state: RolloutsState, event: RolloutEvent, seq: number): RolloutsState {
  switch (event.type) {
    case 'rollout.leader_changed': {
      // By name: a field that a later version adds to the event is none of this state's.
      const { leader, leaderEpoch } = event.data;
      return { ...state, leader, leaderEpoch, leaderSince: event.at };
    }
    case 'rollout.adopted': {
      const { version, digest, dataset } = event.data;
      // A version that never served is no version to go back to.
      const previousStable = state.stable?.servedAt === undefined ? state.previousStable : state.stable;
      return { ...state, stable: { version, digest, dataset, since: event.at }, previousStable, forgotten: undefined };
    }
    case 'rollout.stable_serving': {
      const { stable } = state;
      const isMeant = stable?.digest === event.data.digest && stable.dataset === event.data.dataset;
      return isMeant && stable.servedAt === undefined ? { ...state, stable: { ...stable, servedAt: event.at } } : state;
    }
    case 'rollout.forgotten': {
      const { seq: _seq, model, leader, leaderEpoch, leaderSince, stageEpoch } = state;
      const { by, reason } = event.data;
      const kept = { leader, leaderEpoch, leaderSince, stageEpoch };
      return { ...initialRollouts(model), ...kept, forgotten: { at: event.at, by, reason } };
    }
    case 'rollout.applied':
      return {
        ...state,
        current: newRollout(event),
        past: state.current === undefined ? state.past : [state.current, ...state.past].slice(0, KEPT_PAST),
      };
    case 'rollout.held':
      return { ...state, holds: { ...state.holds, [event.data.holdId]: { ...event.data, since: event.at } } };
    case 'rollout.reverted':
      return revert(state, event);
    case 'rollout.released': {
      const { [event.data.holdId]: _released, ...holds } = state.holds;
      return { ...state, holds };
    }
    default: {
      const current = state.current;
      if (current === undefined || current.rolloutId !== event.data.rolloutId || isEnded(current)) return state;
      return applyToCurrent(state, current, event, seq);
    }
  }
}

type CurrentEvent = Exclude<
  RolloutEvent,
  {
    type:
      | 'rollout.leader_changed'
      | 'rollout.adopted'
      | 'rollout.stable_serving'
      | 'rollout.forgotten'
      | 'rollout.applied'
      | 'rollout.held'
      | 'rollout.released'
      | 'rollout.reverted';
  }
>;

/** Changes nothing unless exactly `from` serves, `to` served before it, and no rollout is open. */
function revert(state: RolloutsState, event: Extract<RolloutEvent, { type: 'rollout.reverted' }>): RolloutsState {
  const { from, to, by, reason } = event.data;
  const { stable, previousStable, current } = state;
  if (openRollout(state) !== undefined || stable?.digest !== from.digest || previousStable?.digest !== to.digest)
    return state;
  const ended = { at: event.at, by, reason, gate: undefined, verdict: undefined };
  const brought = current?.phase === 'completed' && current.definition.digest === from.digest;
  return {
    ...state,
    stable: { ...previousStable, since: event.at },
    previousStable: undefined,
    ...(brought ? { current: { ...current, phase: 'rolled_back', ended } } : {}),
  };
}

function applyToCurrent(state: RolloutsState, current: Rollout, event: CurrentEvent, seq: number): RolloutsState {
  const withCurrent = (change: Partial<Rollout>): RolloutsState => ({ ...state, current: { ...current, ...change } });
  const ofThisEpoch = 'stageEpoch' in event.data && event.data.stageEpoch === current.stageEpoch;
  switch (event.type) {
    case 'rollout.stage_entered': {
      const fresh = {
        verdicts: {},
        overrides: {},
        vote: undefined,
        approval: undefined,
        firstServedAt: undefined,
        servingSince: undefined,
        resumedAt: undefined,
        runners: [],
        trafficSince: undefined,
      };
      const { stage, stageEpoch } = event.data;
      return { ...withCurrent({ ...fresh, phase: 'progressing', stage, stageEpoch, enteredAt: event.at }), stageEpoch };
    }
    case 'rollout.stage_serving':
      return ofThisEpoch ? withCurrent(serving(current, event)) : state;
    case 'rollout.traffic_seen':
      return ofThisEpoch ? withCurrent({ trafficSince: current.trafficSince ?? event.at }) : state;
    case 'rollout.verdict_changed': {
      if (!ofThisEpoch) return state;
      const recorded: RecordedVerdict = { ...event.data.verdict, eventId: event.id, at: event.at };
      return withCurrent({ verdicts: { ...current.verdicts, [recorded.gate]: recorded } });
    }
    case 'rollout.voted': {
      const { rolloutId: _r, stageEpoch: _e, ...vote } = event.data;
      const measurements = vote.verdictSet === verdictSetOf(current) ? measurementsOf(current) : undefined;
      return ofThisEpoch
        ? withCurrent({
            vote: { ...vote, at: event.at, measurements, seq, lifted: undefined },
          })
        : state;
    }
    case 'rollout.vote_lifted': {
      const { meetingId, reason } = event.data;
      const { vote } = current;
      if (!ofThisEpoch || vote?.meetingId !== meetingId || vote.lifted !== undefined) return state;
      return withCurrent({ vote: { ...vote, lifted: { at: event.at, seq, reason } } });
    }
    case 'rollout.approved':
    case 'rollout.rejected': {
      const { by, reason, verdictSet } = event.data;
      return ofThisEpoch
        ? withCurrent({
            approval: { by, reason, verdictSet, approved: event.type === 'rollout.approved', at: event.at },
          })
        : state;
    }
    case 'rollout.gate_overridden': {
      const { gate, by, reason } = event.data;
      return ofThisEpoch ? withCurrent({ overrides: { ...current.overrides, [gate]: { by, reason } } }) : state;
    }
    case 'rollout.stage_summarised':
      return withCurrent({ summaries: [...current.summaries, event.data.summary].slice(-KEPT_SUMMARIES) });
    case 'rollout.aborted': {
      const { by, reason, gate, verdict } = event.data;
      return withCurrent({ phase: 'rolled_back', ended: { at: event.at, by, reason, gate, verdict } });
    }
    case 'rollout.completed': {
      if (!ofThisEpoch) return state;
      const { version, digest, dataset } = current.definition;
      const ended = {
        at: event.at,
        by: 'coordinator',
        reason: 'every stage earned',
        gate: undefined,
        verdict: undefined,
      };
      return {
        ...withCurrent({ phase: 'completed', ended }),
        stable: { version, digest, dataset, since: event.at, servedAt: event.at },
        previousStable: state.stable,
      };
    }
  }
}

function serving(
  { firstServedAt }: Rollout,
  { at, data }: Extract<RolloutEvent, { type: 'rollout.stage_serving' }>,
): Partial<Rollout> {
  const { runners, resumed } = data;
  const soakedMs = (resumed?.soakedSeconds ?? 0) * 1000;
  return {
    firstServedAt: firstServedAt ?? at,
    servingSince: new Date(Date.parse(at) - soakedMs).toISOString(),
    resumedAt: resumed?.at,
    runners,
  };
}

function newRollout(event: Extract<RolloutEvent, { type: 'rollout.applied' }>): Rollout {
  return {
    rolloutId: event.data.rolloutId,
    definition: event.data.definition,
    appliedBy: event.data.by,
    appliedAt: event.at,
    phase: 'applied',
    stage: undefined,
    stageEpoch: 0,
    enteredAt: undefined,
    firstServedAt: undefined,
    servingSince: undefined,
    resumedAt: undefined,
    runners: [],
    trafficSince: undefined,
    verdicts: {},
    overrides: {},
    vote: undefined,
    approval: undefined,
    summaries: [],
    ended: undefined,
  };
}

/** True once a rollout can get no more traffic by itself. */
export function isEnded(rollout: Rollout): boolean {
  return rollout.phase === 'completed' || rollout.phase === 'rolled_back';
}

/** The rollout that is under way, if any. */
export function openRollout(state: RolloutsState): Rollout | undefined {
  return state.current !== undefined && !isEnded(state.current) ? state.current : undefined;
}

/** The stage after the current one; the first stage for a rollout that has entered none; undefined after production. */
export function nextStage(rollout: Rollout): StageName | undefined {
  const names = rollout.definition.stages.map((s) => s.name);
  if (rollout.stage === undefined) return names[0];
  return names[names.indexOf(rollout.stage) + 1];
}

/** Soak of the current stage in seconds; 0 before the first. */
export function soakSecondsOf(rollout: Rollout): number {
  return rollout.definition.stages.find((s) => s.name === rollout.stage)?.soakSeconds ?? 0;
}

/**
 * Names exactly the verdicts of the current epoch: a hash over each gate's last transition and outcome. Votes are
 * given on it, and any transition makes another.
 */
export function verdictSetOf(rollout: Rollout): string {
  const parts = Object.values(rollout.verdicts).map((v) => [v.gate, v.eventId, v.outcome] as const);
  parts.sort((a, b) => (a[0] < b[0] ? -1 : 1));
  return digestOf({
    rolloutId: rollout.rolloutId,
    stageEpoch: rollout.stageEpoch,
    parts,
    overrides: Object.keys(rollout.overrides).sort(),
  });
}

/**
 * The verdict set without the incidents: what has been measured, and what was overridden. An incident that came and went, which anybody
 * can report, makes another verdict set and no other evidence.
 */
export function measurementsOf(rollout: Rollout): string {
  const incidents = new Set(rollout.definition.gates.filter((g) => g.source === 'incidents').map((g) => g.name));
  const verdicts = Object.entries(rollout.verdicts).filter(([name]) => !incidents.has(name));
  return verdictSetOf({ ...rollout, verdicts: Object.fromEntries(verdicts) });
}

/** Names of the gates that decide: all but dry runs. */
export function decidingGates(rollout: Rollout): string[] {
  return rollout.definition.gates.filter((g) => !g.dryRun).map((g) => g.name);
}

/** What a runner must serve, derived from the rollout alone. */
export interface DesiredTraffic {
  readonly seq: number;
  readonly stable: ServedVersion | undefined;
  readonly candidate:
    | {
        readonly rolloutId: string;
        readonly version: string;
        readonly digest: string;
        readonly dataset: string;
        readonly stageEpoch: number;
        readonly share: number;
        readonly mirror: boolean;
      }
    | undefined;
}

export function desiredTraffic(state: RolloutsState): DesiredTraffic {
  const rollout = openRollout(state);
  if (rollout === undefined || rollout.stage === undefined)
    return { seq: state.seq, stable: state.stable, candidate: undefined };
  const { version, digest, dataset } = rollout.definition;
  const share = shareOf(rollout.stage);
  const mirror = rollout.stage === 'shadow';
  return {
    seq: state.seq,
    stable: state.stable,
    candidate: {
      rolloutId: rollout.rolloutId,
      version,
      digest,
      dataset,
      stageEpoch: rollout.stageEpoch,
      share,
      mirror,
    },
  };
}

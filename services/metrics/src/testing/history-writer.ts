import {
  type Aggregate,
  aggregates,
  type Commit,
  type PinnedRollout,
  type RawEvent,
  type StageName,
  shareOf,
  type Verdict,
} from '@conclave/contracts';

/** One commit of a history that is written for a test: where it goes and what it holds. */
export interface WrittenCommit {
  readonly aggregate: Aggregate;
  readonly events: readonly RawEvent[];
}

/** Writes commits in order on a clock that only the caller moves. */
export class HistoryWriter {
  readonly commits: WrittenCommit[] = [];
  #now: number;
  #ids = 0;

  constructor(start: Date) {
    this.#now = start.getTime();
  }

  get at(): string {
    return new Date(this.#now).toISOString();
  }

  /** Time goes on by so many seconds. */
  wait(seconds: number): void {
    this.#now += seconds * 1000;
  }

  commit(aggregate: Aggregate, ...events: readonly (readonly [type: string, data: unknown])[]): void {
    this.commits.push({
      aggregate,
      events: events.map(([type, data]) => ({ id: `e-${++this.#ids}`, type, at: this.at, data })),
    });
  }

  rollout(model: string, type: string, data: unknown): void {
    this.commit(aggregates.rollouts(model), [type, data]);
  }

  /** A stage is entered and serves five seconds later. */
  enter(
    rollout: OpenRollout,
    stage: StageName,
    stageEpoch: number,
    earnedBy?: { meetingId: string; verdictSet: string; approvedBy?: string },
  ): void {
    const { definition, rolloutId } = rollout;
    const entered = { rolloutId, stage, stageEpoch, share: shareOf(stage), requestedBy: 'ops_commander' };
    this.rollout(definition.model, 'rollout.stage_entered', { ...entered, ...(earnedBy ? { earnedBy } : {}) });
    this.wait(5);
    this.rollout(definition.model, 'rollout.stage_serving', { rolloutId, stageEpoch, runners: ['gpu-runner-0'] });
  }

  verdict(rollout: OpenRollout, verdict: Verdict): void {
    const { rolloutId, definition } = rollout;
    const data = { rolloutId, stageEpoch: verdict.stageEpoch, verdict };
    this.rollout(definition.model, 'rollout.verdict_changed', data);
  }
}

export interface OpenRollout {
  readonly rolloutId: string;
  readonly definition: PinnedRollout;
}

/** The same commits as a reader of the journal gets them. */
export function asStored(written: readonly WrittenCommit[]): Commit[] {
  return written.map(({ aggregate, events }, index) => ({
    aggregate,
    events,
    seq: index + 1,
    storedAt: events[0]?.at ?? '',
    by: 'history',
    fence: undefined,
  }));
}

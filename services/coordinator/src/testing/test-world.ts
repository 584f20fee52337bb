import {
  type Aggregate,
  aggregates,
  type Ballot,
  type Commit,
  type MeetingEvent,
  PLANNING_ROLES,
  type PlanningRole,
  type RawEvent,
  type RolloutDefinition,
  rolloutDefinition,
} from '@conclave/contracts';
import {
  foldWorld,
  initialRollouts,
  initialWorld,
  openRollout,
  type RolloutsState,
  verdictSetOf,
  type World,
} from '@conclave/core';
import type { Facts } from '../facts.ts';
import { decideAdopt } from '../rollout/adopt.ts';
import { decideApply } from '../rollout/apply.ts';

export const MODEL = 'search';
export const STABLE_DIGEST = `sha256:${'0'.repeat(64)}`;
export const CANDIDATE_DIGEST = `sha256:${'1'.repeat(64)}`;
export const DATASET_DIGEST = `sha256:${'d'.repeat(64)}`;
export const SOAK_SECONDS = 60;

/** A journal in memory: commits get sequence numbers and are folded by the real folds. */
export class TestWorld {
  world: World = initialWorld();
  readonly commits: Commit[] = [];
  private nowMs = Date.parse('2026-01-01T00:00:00.000Z');
  private ids = 0;

  get now(): Date {
    return new Date(this.nowMs);
  }

  get state(): RolloutsState {
    return this.world.rollouts[MODEL] ?? initialRollouts(MODEL);
  }

  advance(seconds: number): void {
    this.nowMs += seconds * 1000;
  }

  facts(): Facts {
    return { now: this.now, newId: () => `e${++this.ids}` };
  }

  append(aggregate: Aggregate, events: readonly RawEvent[]): void {
    if (events.length === 0) return;
    const seq = this.world.seq + 1;
    const commit: Commit = { aggregate, seq, storedAt: this.now.toISOString(), by: 'test', fence: undefined, events };
    this.commits.push(commit);
    this.world = foldWorld(this.world, commit);
  }

  appendRollout(events: readonly RawEvent[]): void {
    this.append(aggregates.rollouts(MODEL), events);
  }

  /** A closed meeting that decided on the open rollout; each role's vote, and the verdict set it voted on. */
  meet(
    vote: (role: PlanningRole) => Ballot['vote'],
    options: { verdictSet?: string; claims?: 'go' | 'no_go' } = {},
  ): string {
    const rollout = openRollout(this.state);
    const meetingId = `meeting-${this.commits.length}-1`;
    if (rollout === undefined || rollout.stage === undefined) return meetingId;
    const verdictSet = options.verdictSet ?? verdictSetOf(rollout);
    const at = this.now.toISOString();
    const { rolloutId, stageEpoch, stage } = rollout;
    const turns = PLANNING_ROLES.map(
      (role): MeetingEvent => ({
        id: `${meetingId}:ballot:${role}`,
        type: 'meeting.turn_taken',
        at,
        data: {
          phase: 'ballot',
          role,
          speaker: { adapter: 'rules', model: 'rules' },
          text: 'votes',
          ballots: [{ rolloutId, verdictSet, vote: vote(role), reason: 'because' }],
          durationMs: 1,
        },
      }),
    );
    const decision = {
      rolloutId,
      model: MODEL,
      version: '1.0',
      stage,
      stageEpoch,
      verdictSet,
      decision: options.claims ?? 'go',
      yes: [],
      no: [],
      abstained: [],
      reason: 'r',
    } as const;
    const closed: MeetingEvent = {
      id: `${meetingId}:closed`,
      type: 'meeting.closed',
      at,
      data: {
        meetingId,
        outcome: 'decided',
        summary: '',
        dissent: [],
        decisions: [{ ...decision, yes: [], no: [], abstained: [] }],
      },
    };
    this.append(aggregates.meeting(meetingId), [...turns, closed]);
    return meetingId;
  }
}

export function definition(spec: Partial<RolloutDefinition['spec']> = {}): RolloutDefinition {
  return rolloutDefinition.parse({
    apiVersion: 'conclave/v1',
    kind: 'ModelRollout',
    metadata: { name: 'search-1-0' },
    spec: { model: MODEL, version: '1.0', dataset: 'queries', authority: 'act', ...spec },
  });
}

/** 0.9 adopted, 1.0 registered and applied, nothing entered. */
export function appliedWorld(spec: Partial<RolloutDefinition['spec']> = {}): TestWorld {
  const t = new TestWorld();
  const at = t.now.toISOString();
  const model = (version: string, digest: string): RawEvent => ({
    id: `m${version}`,
    type: 'model.registered',
    at,
    data: { model: MODEL, version, digest, description: '', bytes: 1, by: 'op' },
  });
  t.append(aggregates.model(MODEL), [model('0.9', STABLE_DIGEST), model('1.0', CANDIDATE_DIGEST)]);
  t.append(aggregates.model('dataset:queries'), [
    {
      id: 'd',
      type: 'dataset.registered',
      at,
      data: {
        name: 'queries',
        digest: DATASET_DIGEST,
        description: '',
        documents: 10,
        queries: 600,
        bytes: 1,
        by: 'op',
      },
    },
  ]);
  t.appendRollout(decideAdopt(t.world, t.state, { version: '0.9', dataset: 'queries', by: 'op' }, t.facts()));
  t.appendRollout(decideApply(t.world, t.state, definition(spec), 'op', SOAK_SECONDS, t.facts()));
  return t;
}

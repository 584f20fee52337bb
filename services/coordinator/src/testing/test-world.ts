import {
  aggregates,
  type Ballot,
  PLANNING_ROLES,
  type PlanningRole,
  type RawEvent,
  type RolloutDefinition,
  rolloutDefinition,
} from '@conclave/contracts';
import { openRollout, type RolloutsState } from '@conclave/core';
import { draft, History } from '@conclave/histories';
import type { Facts } from '../facts.ts';
import { decideAdopt } from '../rollout/adopt.ts';
import { decideApply } from '../rollout/apply.ts';

export const MODEL = 'search';
export const STABLE_DIGEST = `sha256:${'0'.repeat(64)}`;
export const CANDIDATE_DIGEST = `sha256:${'1'.repeat(64)}`;
export const DATASET_DIGEST = `sha256:${'d'.repeat(64)}`;
export const SOAK_SECONDS = 60;

const CAST = {
  model: MODEL,
  stable: '0.9',
  candidate: '1.0',
  dataset: 'queries',
  digests: { '0.9': STABLE_DIGEST, '1.0': CANDIDATE_DIGEST, queries: DATASET_DIGEST },
};

/** A history that the coordinator's own decisions write on. */
export class TestWorld extends History {
  constructor() {
    super(CAST);
  }

  get state(): RolloutsState {
    return this.rolloutsOf();
  }

  advance(seconds: number): void {
    this.wait(seconds);
  }

  facts(): Facts {
    return { now: this.now, newId: () => this.newId() };
  }

  appendRollout(events: readonly RawEvent[]): void {
    this.append(aggregates.rollouts(MODEL), events);
  }

  /** A closed meeting that decided on the open rollout; each role's vote, the verdict set it voted on, and what a no_go asks for. */
  meet(
    vote: (role: PlanningRole) => Ballot['vote'],
    options: { verdictSet?: string; claims?: 'go' | 'no_go'; needs?: string[] } = {},
  ): string {
    const meetingId = `meeting-${this.commits.length}-1`;
    if (openRollout(this.state)?.stage === undefined) return meetingId;
    const { verdictSet = this.verdictSet, claims = 'go', needs } = options;
    const ballots = PLANNING_ROLES.map((role) => this.ballot(role, vote(role), { verdictSet, needs }));
    const decisions = [this.decision(claims, { verdictSet })];
    const closed = { meetingId, outcome: 'decided' as const, summary: '', dissent: [], decisions };
    this.commit(aggregates.meeting(meetingId), ...ballots, draft('meeting.closed', closed));
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
  const t = new TestWorld().registered().datasetRegistered();
  t.appendRollout(decideAdopt(t.world, t.state, { version: '0.9', dataset: 'queries', by: 'op' }, t.facts()));
  t.appendRollout(decideApply(t.world, t.state, definition(spec), 'op', SOAK_SECONDS, t.facts()));
  return t;
}

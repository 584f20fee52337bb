import type { MeetingReason } from '@conclave/contracts';
import { type AgendaPoint, isEnded, openRollout, standingOf, type World } from '@conclave/core';

/** One thing that advisors can act on. */
export interface AgendaItem {
  /** The same as long as the same is to be done: a meeting that was called with it has dealt with it once. */
  readonly key: string;
  readonly reason: MeetingReason;
  readonly detail: string;
  /** Whether a meeting is called for it before the next regular slot. */
  readonly urgent: boolean;
}

/** What there is to act on, most urgent first, and what is waited for instead. */
export interface Agenda {
  readonly items: readonly AgendaItem[];
  readonly waits: readonly string[];
}

const REASONS: Readonly<Record<AgendaPoint['kind'], MeetingReason>> = {
  first_stage: 'stage_entered',
  evidence: 'stage_entered',
  vote: 'stage_ready',
  deploy: 'stage_ready',
};

/**
 * What a meeting could act on now. A rollout that waits for a person, a hold, its soak, requests or work under way is not among it.
 * @param staleSeconds see `standingOf`
 */
export function agendaOf(world: World, now: Date, staleSeconds: number): Agenda {
  const waits: string[] = [];
  const rollouts: AgendaItem[] = [];
  const ended: AgendaItem[] = [];
  for (const state of Object.values(world.rollouts)) {
    const rollout = openRollout(state);
    if (rollout !== undefined) {
      const standing = standingOf(world, state, rollout, now, staleSeconds);
      if (standing.for === 'other') waits.push(standing.wait.sentence);
      else {
        for (const { kind, key, sentence } of standing.points)
          rollouts.push({ key, reason: REASONS[kind], detail: sentence, urgent: true });
      }
    } else if (state.current !== undefined && isEnded(state.current)) {
      const { rolloutId, phase } = state.current;
      const detail = `${rolloutId} has ended (${phase.replace('_', ' ')})`;
      ended.push({ key: `ended:${rolloutId}:${phase}`, reason: 'slot', detail, urgent: false });
    }
  }
  return { items: [...incidents(world), ...rollouts, ...ended, ...userResults(world), ...newestInsight(world)], waits };
}

function incidents(world: World): AgendaItem[] {
  return Object.values(world.incidents)
    .filter((incident) => incident.resolved === undefined)
    .map(({ incidentId, severity, title }): AgendaItem => {
      const urgent = severity === 'P0' || severity === 'P1';
      const detail = `${severity} ${incidentId}: ${title}`;
      return { key: `incident:${incidentId}`, reason: 'incident', detail, urgent };
    })
    .toSorted((a, b) => Number(b.urgent) - Number(a.urgent));
}

/** The newest plan of a user of which every action has ended: people want to hear what advisors make of it. */
function userResults({ schedule: { index, plans } }: World): AgendaItem[] {
  const newest = index.newestResults === null ? undefined : plans[index.newestResults.planId];
  if (newest === undefined) return [];
  const detail = `every action of ${newest.planId} has ended`;
  return [{ key: `results:${newest.planId}`, reason: 'backlog_empty', detail, urgent: false }];
}

function newestInsight({ roadmap }: World): AgendaItem[] {
  const [insight] = roadmap.insights;
  if (insight === undefined) return [];
  const detail = `new insight ${insight.insightId} on ${insight.line}`;
  return [{ key: `insight:${insight.insightId}`, reason: 'slot', detail, urgent: false }];
}

import type { ConclaveConfig, MeetingWork } from '@conclave/contracts';
import {
  type ActionRun,
  isEnded,
  type Meeting,
  openRollout,
  type RolloutsState,
  type ScheduledAction,
  type World,
} from '@conclave/core';
import { fitBrief } from './fit-brief.ts';
import type { ProjectDocument } from './project-documents.ts';
import { rolloutSection } from './rollout-section.ts';
import type { Brief, ModelBrief } from './schema.ts';

/** What is kept of each list, newest first, and of each text in characters. `fitBrief` sees to the bytes of the whole. */
const KEPT = {
  results: 40,
  criteria: 20,
  calls: 4,
  unfinished: 60,
  insights: 15,
  incidents: 20,
  ended: 5,
  idleModels: 30,
  holds: 20,
  callText: 600,
  text: 1200,
} as const;

/** What was not met is told first. */
const VERDICT_RANK = { unmet: 0, unjudged: 1, met: 2 } as const;

/**
 * What a meeting is told, from the folded journal and nothing else: the same world, work and time give the same brief.
 */
export function makeBrief(
  world: World,
  work: MeetingWork,
  now: Date,
  config: Pick<ConclaveConfig, 'meeting' | 'limits'>,
  documents: readonly ProjectDocument[] = [],
): Brief {
  const lastMeetingAt = lastMeetingOf(world, work.meetingId)?.openedAt ?? null;
  return fitBrief({
    schema: 'conclave.brief/v1',
    meetingId: work.meetingId,
    reason: work.reason,
    detail: work.detail,
    at: now.toISOString(),
    deadline: work.deadline,
    seq: world.seq,
    lastMeetingAt,
    ...modelSections(world, now, lastMeetingAt),
    ...resultsSince(world, lastMeetingAt),
    unfinished: unfinishedActions(world),
    incidents: Object.values(world.incidents)
      .filter((incident) => incident.resolved === undefined)
      .slice(-KEPT.incidents)
      .map(({ incidentId, severity, title, detail, model, openedAt }) => ({
        incidentId,
        severity,
        title,
        detail: cut(detail, KEPT.text),
        model: model ?? null,
        openedAt,
      })),
    insights: world.roadmap.insights
      .slice(0, KEPT.insights)
      .map(({ line, text, at }) => ({ line, text: cut(text, KEPT.text), at })),
    measured: toolTimes(world),
    documents: documents.map((document) => ({ ...document })),
    maxActions: config.limits.maxActionsPerMeeting,
    voting: { ...config.meeting },
  });
}

function lastMeetingOf(world: World, exceptId: string): Meeting | undefined {
  return Object.values(world.meetings)
    .filter((meeting) => meeting.meetingId !== exceptId && meeting.openedAt !== undefined)
    .toSorted((a, b) => a.seq - b.seq)
    .at(-1);
}

/** Models with an open rollout first, then those whose rollout ended last. */
function modelSections(world: World, now: Date, lastMeetingAt: string | null): Pick<Brief, 'models' | 'modelsLeftOut'> {
  const states = Object.values(world.rollouts);
  const idle = states
    .filter((state) => openRollout(state) === undefined)
    .toSorted((a, b) => b.seq - a.seq)
    .slice(0, KEPT.idleModels);
  const kept = new Set([...states.filter((state) => openRollout(state) !== undefined), ...idle]);
  const leftOut = states.length - kept.size;
  return {
    models: states.filter((state) => kept.has(state)).map((state) => modelSection(world, state, now, lastMeetingAt)),
    ...(leftOut > 0 ? { modelsLeftOut: leftOut } : {}),
  };
}

function modelSection(world: World, state: RolloutsState, now: Date, lastMeetingAt: string | null): ModelBrief {
  const { stable, previousStable } = state;
  return {
    model: state.model,
    stable: stable === undefined ? null : { version: stable.version, digest: stable.digest, since: stable.since },
    previousStable: previousStable === undefined ? null : { version: previousStable.version },
    holds: Object.values(state.holds)
      .slice(-KEPT.holds)
      .map(({ holdId, kind, by, reason }) => ({ holdId, kind, by, reason })),
    rollout: rolloutSection(world, state, now),
    ended: endedRollouts(state, lastMeetingAt),
  };
}

function endedRollouts(state: RolloutsState, lastMeetingAt: string | null): ModelBrief['ended'] {
  const all = state.current === undefined ? state.past : [state.current, ...state.past];
  return all
    .filter(isEnded)
    .slice(0, KEPT.ended)
    .flatMap(({ rolloutId, definition, phase, ended }): ModelBrief['ended'] => {
      if (ended === undefined) return [];
      const { at, by, reason } = ended;
      return [
        {
          rolloutId,
          version: definition.version,
          phase: phase === 'completed' ? 'completed' : 'rolled_back',
          at,
          by,
          reason,
          gate: ended.gate ?? null,
          sinceLastMeeting: lastMeetingAt === null || at >= lastMeetingAt,
        },
      ];
    });
}

function resultsSince(world: World, since: string | null): Pick<Brief, 'results' | 'resultsLeftOut'> {
  const ended = Object.values(world.schedule.actions).filter(
    (action) => action.state === 'ended' && (since === null || (action.endedAt ?? '') >= since),
  );
  const results = ended
    .slice(-KEPT.results)
    .flatMap((action) => (action.outcome === undefined ? [] : [resultOf(action, world.actions[action.actionId])]));
  const leftOut = ended.length - KEPT.results;
  return { results, ...(leftOut > 0 ? { resultsLeftOut: leftOut } : {}) };
}

function resultOf(action: ScheduledAction, run: ActionRun | undefined): Brief['results'][number] {
  const criteria = run?.completed?.criteria ?? [];
  const leftOut = criteria.length - KEPT.criteria;
  return {
    actionId: action.actionId,
    action: cut(action.action, 300),
    owner: action.owner,
    outcome: action.outcome ?? 'uncertain',
    summary: cut(run?.completed?.summary ?? '', KEPT.text),
    criteria: criteria
      .toSorted((a, b) => VERDICT_RANK[a.verdict] - VERDICT_RANK[b.verdict])
      .slice(0, KEPT.criteria)
      .map(({ text, verdict }) => ({ text: cut(text, 200), verdict })),
    ...(leftOut > 0 ? { criteriaLeftOut: leftOut } : {}),
    calls: (run?.calls ?? []).slice(-KEPT.calls).map(({ tool, returned }) => ({
      tool,
      ok: returned?.ok ?? false,
      result: cut(returned === undefined ? 'no answer' : (returned.error ?? shown(returned.result)), KEPT.callText),
      durationMs: Math.round(returned?.durationMs ?? 0),
    })),
  };
}

function unfinishedActions(world: World): Brief['unfinished'] {
  return Object.values(world.schedule.actions)
    .slice(-KEPT.unfinished)
    .flatMap(({ actionId, action, owner, priority, origin, state }): Brief['unfinished'] =>
      state === 'ended' ? [] : [{ actionId, action: cut(action, 300), owner, priority, origin, state }],
    );
}

function toolTimes(world: World): Brief['measured'] {
  const times = new Map<string, number[]>();
  for (const { calls } of Object.values(world.actions)) {
    for (const { tool, returned } of calls) {
      if (returned !== undefined) times.set(tool, [...(times.get(tool) ?? []), returned.durationMs]);
    }
  }
  return [...times].map(([tool, durations]) => ({ tool, calls: durations.length, medianMs: medianOf(durations) }));
}

function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return Math.round(sorted[Math.floor((sorted.length - 1) / 2)] ?? 0);
}

function shown(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}

function cut(text: string, limit: number): string {
  return text.length > limit ? `${text.slice(0, limit - 1)}…` : text;
}

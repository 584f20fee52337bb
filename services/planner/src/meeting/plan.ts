import { handoffDocument, MAX_MESSAGE_BYTES, messageOf, PRIORITIES, parseHandoff } from '@conclave/contracts';
import type { z } from 'zod';
import type { ProposedAction } from '../advisors/advisor.ts';
import type { Brief, RolloutBrief } from '../brief/schema.ts';
import type { Count } from './count.ts';

/*
 * From what the moderator wrote to a handoff that can be taken in whole.
 * 1. A `go` brings its deploy action, first in the list; in `observe` agents deploy nothing.
 * 2. A deploy_model that the ballots did not earn is dropped; the first stage needs no ballots.
 * 3. An action that the handoff's own parser refuses is dropped alone, and with it what depends on it.
 * 4. Every drop is said in the summary. Nothing else is forbidden.
 */

/** A handoff with its defaults filled in: what is recorded is what is published. */
type FiledHandoff = z.output<typeof handoffDocument>;

export interface CheckedPlan {
  /** Absent when no action is left. */
  readonly handoff: FiledHandoff | undefined;
  /** What was added or dropped, and why. */
  readonly remarks: readonly string[];
}

interface PlanOptions {
  readonly brief: Brief;
  readonly counts: readonly Count[];
  readonly proposed: readonly ProposedAction[];
  /** ISO 8601. */
  readonly timestamp: string;
  readonly source: string;
}

interface Entry {
  readonly action: ProposedAction;
  /** Place in the moderator's list from 1; undefined for an action that code added. */
  readonly place: number | undefined;
}

export function checkedPlan(options: PlanOptions): CheckedPlan {
  const { brief, counts, proposed } = options;
  const remarks: string[] = [];
  const implied = counts.flatMap((count) => impliedDeploy(count, remarks));
  const entries: Entry[] = implied.map((action) => ({ action, place: undefined }));
  for (const [index, action] of proposed.entries()) {
    const place = index + 1;
    const refusal = isDeploy(action)
      ? deployRefusal(action, brief, counts, implied)
      : formRefusal({ ...action, depends_on: [] });
    if (refusal === undefined) entries.push({ action, place });
    else if (refusal !== '') remarks.push(`Dropped action ${place} (${shown(action)}): ${refusal}.`);
  }
  const sound = dropBrokenDependencies(entries, implied.length, remarks);
  const kept = cutToLimit(sound, brief.maxActions, remarks);
  return { handoff: fittingDocument(kept, options, remarks), remarks };
}

function impliedDeploy({ decision, rollout }: Count, remarks: string[]): ProposedAction[] {
  if (decision?.decision !== 'go' || decision.toStage === undefined) return [];
  const { model, version, toStage: stage } = decision;
  if (rollout.authority === 'observe') {
    remarks.push(`The go for ${model} ${version} is on record only: its authority is observe.`);
    return [];
  }
  const underWay = rollout.attempts.some(
    (attempt) => attempt.tool === 'deploy_model' && attempt.stage === stage && attempt.state === 'dispatched',
  );
  if (underWay) {
    remarks.push(`Deploying ${model} ${version} to ${stage} is already under way.`);
    return [];
  }
  return [
    {
      action: `Deploy ${model} ${version} to ${stage}, as this meeting voted`,
      owner: 'ops_commander',
      priority: 'high',
      estimated_duration: '5min',
      success_criteria: `stage == ${stage}`,
      tool: 'deploy_model',
      args: { model, version, stage },
    },
  ];
}

function isDeploy(action: ProposedAction): boolean {
  return action.tool === 'deploy_model';
}

/** Why a deploy action of the moderator is dropped; empty text when the same one is in the plan already. */
function deployRefusal(
  action: ProposedAction,
  brief: Brief,
  counts: readonly Count[],
  implied: readonly ProposedAction[],
): string | undefined {
  const { model, stage } = action.args ?? {};
  if (implied.some(({ args }) => args?.model === model && args?.stage === stage)) return '';
  const voted = counts.find((count) => count.rollout.model === model);
  if (voted !== undefined && voted.rollout.stage !== stage) {
    return `no go of this meeting calls for deploying ${String(model)} to ${String(stage)} now`;
  }
  const rollout = openRolloutOf(brief, model);
  if (rollout?.stage === null && rollout.nextStage !== stage) {
    return `${rollout.version} must enter ${rollout.nextStage} first`;
  }
  return formRefusal({ ...action, depends_on: [] });
}

function openRolloutOf(brief: Brief, model: unknown): RolloutBrief | undefined {
  return brief.models.find((section) => section.model === model)?.rollout ?? undefined;
}

/** What the handoff's parser says against an action that stands alone. */
function formRefusal(action: ProposedAction): string | undefined {
  try {
    parseHandoff({
      timestamp: '-',
      meeting_id: 'check',
      actions: [{ ...action, id: 1 }],
      count: 1,
    });
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

/** Keeps the actions whose dependencies are kept, of no lower priority and in no circle. */
function dropBrokenDependencies(entries: readonly Entry[], added: number, remarks: string[]): Entry[] {
  const kept = new Set<number>();
  let waiting = entries.slice(added);
  for (let settled = false; !settled; ) {
    const ready = waiting.filter(({ action }) => (action.depends_on ?? []).every((place) => isMet(place, action)));
    for (const { place } of ready) if (place !== undefined) kept.add(place);
    waiting = waiting.filter((entry) => !ready.includes(entry));
    settled = ready.length === 0;
  }
  for (const { place, action } of waiting) {
    remarks.push(
      `Dropped action ${place} (${shown(action)}): it depends on an action that is not in the plan, runs later or waits for it in turn.`,
    );
  }
  return entries.filter(({ place }) => place === undefined || kept.has(place));

  function isMet(place: number, by: ProposedAction): boolean {
    const dependency = entries.find((entry) => entry.place === place)?.action;
    return kept.has(place) && dependency !== undefined && rank(dependency) <= rank(by);
  }
}

function rank({ priority }: ProposedAction): number {
  const known: readonly string[] = PRIORITIES;
  return known.indexOf(priority.toLowerCase());
}

/** Most urgent first; what depends on something that is cut off goes too. */
function cutToLimit(entries: readonly Entry[], limit: number, remarks: string[]): Entry[] {
  if (entries.length <= limit) return [...entries];
  const first = new Set(entries.toSorted((a, b) => rank(a.action) - rank(b.action)).slice(0, limit));
  remarks.push(`${entries.length - limit} actions beyond the limit of ${limit} were left out, the least urgent first.`);
  const shortened = entries.filter((entry) => first.has(entry));
  const added = shortened.filter((entry) => entry.place === undefined);
  return dropBrokenDependencies([...added, ...shortened.filter((e) => e.place !== undefined)], added.length, remarks);
}

function fittingDocument(entries: readonly Entry[], options: PlanOptions, remarks: string[]): FiledHandoff | undefined {
  let left = [...entries];
  while (left.length > 0) {
    const document = toDocument(left, options);
    if (Buffer.byteLength(JSON.stringify(document)) <= MAX_MESSAGE_BYTES) {
      parseHandoff(document);
      return document;
    }
    const last = left.at(-1);
    remarks.push(`Dropped ${last === undefined ? 'an action' : shown(last.action)}: the handoff would exceed 64 KB.`);
    const added = left.slice(0, -1).filter((entry) => entry.place === undefined).length;
    left = dropBrokenDependencies(left.slice(0, -1), added, remarks);
  }
  return undefined;
}

function toDocument(entries: readonly Entry[], { brief, timestamp, source }: PlanOptions): FiledHandoff {
  const idOf = new Map(entries.map(({ place }, index) => [place, index + 1]));
  return handoffDocument.parse({
    timestamp,
    meeting_id: brief.meetingId,
    actions: entries.map(({ action }, index) => ({
      ...action,
      id: index + 1,
      priority: action.priority.toLowerCase(),
      depends_on: (action.depends_on ?? []).flatMap((place) => idOf.get(place) ?? []),
    })),
    count: entries.length,
    source,
  });
}

function shown({ action }: ProposedAction): string {
  return action.length > 80 ? `${action.slice(0, 79)}…` : action;
}

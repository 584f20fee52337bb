import {
  type ExecutiveRole,
  type HandoffDocument,
  handoffDocument,
  kilobytes,
  MESSAGE_LIMIT_BYTES,
  messageOf,
  PRIORITIES,
  parseHandoff,
  type StageName,
} from '@conclave/contracts';
import type { z } from 'zod';
import type { ProposedAction } from '../advisors/advisor.ts';
import { type Brief, mayAdvance, type RolloutBrief } from '../brief/schema.ts';
import type { Count } from './count.ts';

/*
 * From what the moderator wrote to a handoff that can be taken in whole.
 * 1. A `go` brings its deploy action, first in the list; in `observe` agents deploy nothing. Where the moderator lists the
 *    same deploy, that place means this action.
 * 2. A deploy_model that the ballots did not earn is dropped; the first stage needs no ballots.
 * 3. An action that the handoff's own parser refuses, alone or beside the others, is dropped, and with it what depends on it.
 * 4. A go that stands from an earlier meeting brings its deploy action while nobody carries it out, and a no_go what it asks for.
 * 5. Every drop is said in the summary. Nothing else is forbidden.
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
  /** Added by code; it stays, whatever else is dropped. */
  readonly isImplied: boolean;
  /** Places in the moderator's list, from 1, that mean this action. */
  readonly places: readonly number[];
}

export function checkedPlan(options: PlanOptions): CheckedPlan {
  const { brief, counts, proposed } = options;
  const remarks: string[] = [];
  const implied = [
    ...counts.flatMap((count) => impliedDeploy(count, remarks)),
    ...brief.models.flatMap(({ rollout }) => (rollout === null ? [] : standingDeploy(rollout))),
    ...counts.flatMap((count) => askedFor(count, proposed)),
  ];
  const entries: Entry[] = implied.map((action) => {
    const places = proposed.flatMap((listed, index) => (isSameDeploy(listed, action) ? [index + 1] : []));
    return { action, isImplied: true, places };
  });
  const merged = new Set(entries.flatMap(({ places }) => places));
  for (const [index, action] of proposed.entries()) {
    const place = index + 1;
    if (merged.has(place)) continue;
    const refusal = (isDeploy(action) ? deployRefusal(action, brief, counts) : undefined) ?? formRefusal(action);
    if (refusal === undefined) entries.push({ action, isImplied: false, places: [place] });
    else remarks.push(`Dropped action ${place} (${shown(action)}): ${refusal}.`);
  }
  const sound = dropBrokenDependencies(entries, remarks);
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
  if (isDeploying(rollout, stage)) {
    remarks.push(`Deploying ${model} ${version} to ${stage} is already under way.`);
    return [];
  }
  return [deployAction(model, version, stage, 'as this meeting voted')];
}

/** The deploy of a go that stands and that nobody has carried out: its action was lost, failed, or waited for a person. */
function standingDeploy(rollout: RolloutBrief): ProposedAction[] {
  const { model, version, nextStage: stage, vote } = rollout;
  if (!mayAdvance(rollout) || stage === null || isDeploying(rollout, stage)) return [];
  return [deployAction(model, version, stage, `as ${vote?.meetingId ?? 'a meeting'} voted`)];
}

function deployAction(model: string, version: string, stage: StageName, why: string): ProposedAction {
  return {
    action: `Deploy ${model} ${version} to ${stage}, ${why}`,
    owner: 'ops_commander',
    priority: 'high',
    estimated_duration: '5min',
    success_criteria: `stage == ${stage}`,
    tool: 'deploy_model',
    args: { model, version, stage },
  };
}

function isDeploying({ attempts }: RolloutBrief, stage: StageName): boolean {
  return attempts.some(
    (attempt) => attempt.tool === 'deploy_model' && attempt.stage === stage && attempt.state === 'dispatched',
  );
}

/** What the no_go of this meeting asks for, as far as a tool with known arguments brings it and the moderator has not listed it. */
function askedFor({ decision, rollout, needs }: Count, proposed: readonly ProposedAction[]): ProposedAction[] {
  if (decision?.decision !== 'no_go') return [];
  const { model, version } = rollout;
  return needs.flatMap((tool): ProposedAction[] => {
    const owner = EVIDENCE_OWNERS[tool];
    const isListed = proposed.some((listed) => listed.tool === tool && listed.args?.model === model);
    if (owner === undefined || isListed) return [];
    return [
      {
        action: `Run ${tool} on ${model} ${version}: a no_go of this meeting asks for it`,
        owner,
        priority: 'high',
        estimated_duration: '5min',
        success_criteria: '',
        tool,
        args: { model, version },
      },
    ];
  });
}

/** Tools that take a model and its version alone, and who runs them. */
const EVIDENCE_OWNERS: Readonly<Record<string, ExecutiveRole | undefined>> = {
  run_evaluation: 'compliance_monitor',
  run_rollback_test: 'rollback_officer',
  collect_metrics: 'latency_analyst',
  smoke_test: 'integration_engineer',
};

function isDeploy(action: ProposedAction): boolean {
  return action.tool === 'deploy_model';
}

function isSameDeploy(listed: ProposedAction, { args }: ProposedAction): boolean {
  return isDeploy(listed) && listed.args?.model === args?.model && listed.args?.stage === args?.stage;
}

/** Why the meeting does not stand behind a deploy action of the moderator. */
function deployRefusal(action: ProposedAction, brief: Brief, counts: readonly Count[]): string | undefined {
  const { model, stage } = action.args ?? {};
  const voted = counts.find((count) => count.rollout.model === model);
  if (voted !== undefined && voted.rollout.stage !== stage) {
    return `no go of this meeting calls for deploying ${String(model)} to ${String(stage)} now`;
  }
  const rollout = openRolloutOf(brief, model);
  if (rollout !== undefined && rollout.stage !== null && voted === undefined && rollout.stage !== stage) {
    return `the vote of ${rollout.vote?.meetingId ?? 'a meeting'} on ${rollout.version} stands, and it does not lead to ${String(stage)} now`;
  }
  if (rollout?.stage === null && rollout.nextStage !== stage) {
    return `${rollout.version} must enter ${rollout.nextStage} first`;
  }
  return undefined;
}

function openRolloutOf(brief: Brief, model: unknown): RolloutBrief | undefined {
  return brief.models.find((section) => section.model === model)?.rollout ?? undefined;
}

/** What the handoff's parser says against an action that stands alone, whatever it depends on. */
function formRefusal(action: ProposedAction): string | undefined {
  try {
    parseHandoff({
      timestamp: '-',
      meeting_id: 'check',
      actions: [{ ...action, depends_on: [], id: 1 }],
      count: 1,
    });
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

/** Keeps the actions whose dependencies are kept, of no lower priority and in no circle. */
function dropBrokenDependencies(entries: readonly Entry[], remarks: string[]): Entry[] {
  const kept = new Set(entries.filter(({ isImplied }) => isImplied));
  for (let settled = false; !settled; ) {
    const ready = entries.filter((entry) => !kept.has(entry) && needsOf(entry).every((place) => isMet(place, entry)));
    for (const entry of ready) kept.add(entry);
    settled = ready.length === 0;
  }
  for (const { places, action } of entries.filter((entry) => !kept.has(entry))) {
    remarks.push(
      `Dropped action ${places.join()} (${shown(action)}): it depends on an action that is not in the plan, runs later or waits for it in turn.`,
    );
  }
  return entries.filter((entry) => kept.has(entry));

  function isMet(place: number, by: Entry): boolean {
    const dependency = entries.find(({ places }) => places.includes(place));
    return dependency !== undefined && kept.has(dependency) && rank(dependency.action) <= rank(by.action);
  }
}

function needsOf({ action, isImplied }: Entry): readonly number[] {
  return isImplied ? [] : (action.depends_on ?? []);
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
  return dropBrokenDependencies(
    entries.filter((entry) => first.has(entry)),
    remarks,
  );
}

function fittingDocument(entries: readonly Entry[], options: PlanOptions, remarks: string[]): FiledHandoff | undefined {
  const fitting: Entry[] = [];
  for (const entry of entries) {
    const refusal = documentRefusal([...fitting, entry], options);
    if (refusal === undefined) fitting.push(entry);
    else remarks.push(`Dropped ${shown(entry.action)}: ${refusal}.`);
  }
  const left = dropBrokenDependencies(fitting, remarks);
  return left.length === 0 ? undefined : handoffDocument.parse(toDocument(left, options));
}

/** What speaks against a document of these actions. */
function documentRefusal(entries: readonly Entry[], options: PlanOptions): string | undefined {
  const document = toDocument(entries, options);
  if (Buffer.byteLength(JSON.stringify(document)) > MESSAGE_LIMIT_BYTES)
    return `the handoff would exceed ${kilobytes(MESSAGE_LIMIT_BYTES)}`;
  try {
    parseHandoff(document);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

/** The handoff of these actions; a dependency that is not among them is left out. */
function toDocument(entries: readonly Entry[], { brief, timestamp, source }: PlanOptions): HandoffDocument {
  const idOf = new Map(entries.flatMap(({ places }, index) => places.map((place) => [place, index + 1] as const)));
  return {
    timestamp,
    meeting_id: brief.meetingId,
    actions: entries.map((entry, index) => ({
      ...entry.action,
      id: index + 1,
      priority: entry.action.priority.toLowerCase(),
      depends_on: [...new Set(needsOf(entry).flatMap((place) => idOf.get(place) ?? []))],
    })),
    count: entries.length,
    source,
  };
}

function shown({ action }: ProposedAction): string {
  return action.length > 80 ? `${action.slice(0, 79)}…` : action;
}

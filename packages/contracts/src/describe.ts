import { messageOf } from './errors.ts';
import type { EvaluationRequest } from './events/evaluations.ts';
import { type EventOfKind, parseCommit } from './events/parse.ts';
import type { Commit, RawEvent } from './journal.ts';
import { shortDigest } from './names.ts';
import { PRIORITIES } from './roles.ts';
import type { Gate } from './rollout-definition.ts';
import { type StageName, shareOf } from './stages.ts';
import type { Verdict, VerdictOutcome } from './verdict.ts';

/*
 * Sentences for people: one vocabulary for terminal, status page and history. Pure; nothing here decides anything.
 */

/** `detail` is routine that a reader may hide; `bad` stopped something, `warn` may. */
export type Level = 'detail' | 'info' | 'good' | 'warn' | 'bad';

export interface Description {
  /** Type of the event, e.g. `rollout.stage_entered`. */
  readonly kind: string;
  /** When it happened, ISO 8601. */
  readonly at: string;
  /** Model, meeting, action or incident it is about; empty for the schedule. */
  readonly about: string;
  readonly icon?: string;
  readonly level: Level;
  readonly text: string;
}

type Said = Pick<Description, 'level' | 'text' | 'icon'>;

/** One sentence or more for each event of a commit. An event that this version cannot read is said to be so; it never throws. */
export function describeCommit(commit: Commit): Description[] {
  const about = commit.aggregate.id;
  try {
    return sayCommit(commit).flatMap(({ event, said }) =>
      said.map((line) => ({ kind: event.type, at: event.at, about, ...line })),
    );
  } catch (error) {
    const [first] = commit.events;
    return [
      {
        kind: first?.type ?? 'unknown',
        at: first?.at ?? commit.storedAt,
        about,
        ...bad(`commit ${commit.seq} cannot be read by this version: ${messageOf(error)}`),
      },
    ];
  }
}

interface Sayable {
  readonly event: RawEvent;
  readonly said: readonly Said[];
}

function sayCommit(commit: Commit): Sayable[] {
  const { kind, id } = commit.aggregate;
  const each = <E extends RawEvent>(events: readonly E[], say: (event: E) => Said | readonly Said[]): Sayable[] =>
    events.map((event) => ({ event, said: [say(event)].flat() }));
  switch (kind) {
    case 'schedule':
      return each(parseCommit(kind, commit).events, saySchedule);
    case 'rollouts':
      return each(parseCommit(kind, commit).events, (event) => sayRollout(event, id));
    case 'meetings':
      return each(parseCommit(kind, commit).events, sayMeeting);
    case 'actions':
      return each(parseCommit(kind, commit).events, (event) => sayAction(event, id));
    case 'evaluations':
      return each(parseCommit(kind, commit).events, (event) => sayEvaluation(event, id));
    case 'incidents':
      return each(parseCommit(kind, commit).events, sayIncident);
    case 'models':
      return each(parseCommit(kind, commit).events, sayRegistry);
    case 'roadmap':
      return each(parseCommit(kind, commit).events, ({ data }) =>
        info(`insight (${data.line}): ${cut(data.text)}`, '+'),
      );
  }
}

function saySchedule(event: EventOfKind['schedule']): Said {
  switch (event.type) {
    case 'schedule.leader_elected':
      return info(`${event.data.leader} leads, epoch ${event.data.leaderEpoch}`, '*');
    case 'schedule.meeting_called': {
      const { meetingId, reason, detail } = event.data;
      return info(`meeting ${meetingId} called: ${spaced(reason)}${detail === '' ? '' : `, ${detail}`}`);
    }
    case 'schedule.meeting_skipped':
      return detail(`meeting of slot ${event.data.slot} skipped: ${event.data.reason}`);
    case 'schedule.meeting_ended':
      return detail(`meeting ${event.data.meetingId} ended: ${spaced(event.data.outcome)}`);
    case 'schedule.heartbeat': {
      const { slot, dispatched, drains } = event.data;
      return detail(
        `heartbeat ${slot}: ${counted(dispatched, 'action')} dispatched${drains ? ', draining before the meeting' : ''}`,
      );
    }
    case 'schedule.plan_accepted': {
      const { planId, actions, source, origin } = event.data;
      const from = origin === 'user' ? `a user${source === '' ? '' : ` (${source})`}` : source || 'a meeting';
      return info(`handoff ${planId} from ${from}: ${actionCounts(actions)}`, '>');
    }
    case 'schedule.action_dispatched': {
      const { actionId, attempt } = event.data;
      return detail(`action ${actionId} dispatched${attempt > 1 ? `, attempt ${attempt}` : ''}`);
    }
    case 'schedule.action_superseded':
      return detail(`action ${event.data.actionId} superseded by plan ${event.data.byPlanId}`);
    case 'schedule.action_ended':
      return detail(`action ${event.data.actionId} ended: ${event.data.outcome}`);
  }
}

function sayRollout(event: EventOfKind['rollouts'], model: string): Said | readonly Said[] {
  switch (event.type) {
    case 'rollout.leader_changed':
      return detail(`${model} is led by ${event.data.leader}, epoch ${event.data.leaderEpoch}`);
    case 'rollout.adopted':
      return info(
        `${model} ${event.data.version} (${shortDigest(event.data.digest)}) adopted as stable by ${event.data.by}`,
        '+',
      );
    case 'rollout.applied': {
      const { definition: d, by } = event.data;
      const stages = d.stages.map((s) => stageLabel(s.name)).join(' -> ');
      return info(
        `rollout of ${model} ${d.version} (${shortDigest(d.digest)}) applied by ${by}: ${stages}, ${counted(d.gates.length, 'gate')}, authority ${d.authority}`,
        '+',
      );
    }
    case 'rollout.stage_entered': {
      const { stage, share, stageEpoch, requestedBy, earnedBy } = event.data;
      const asked = stage === 'shadow' ? 'mirrored traffic, asked share 0%' : `asked share ${percent(share)}`;
      const earned = earnedBy === undefined ? '' : `, earned by the vote of ${earnedBy.meetingId}`;
      const approved = earnedBy?.approvedBy === undefined ? '' : ` and the approval of ${earnedBy.approvedBy}`;
      return good(
        `${model} enters ${stageLabel(stage)}: ${asked}, epoch ${stageEpoch}, requested by ${requestedBy}${earned}${approved}`,
        '>',
      );
    }
    case 'rollout.stage_serving':
      return info(
        `${model} serves on ${event.data.runners.join(', ')} at epoch ${event.data.stageEpoch}; the soak begins`,
      );
    case 'rollout.verdict_changed':
      return sayVerdict(event.data.verdict);
    case 'rollout.voted':
      return { ...sayTally(`${model}: meeting ${event.data.meetingId}`, event.data), level: 'detail' };
    case 'rollout.approved':
      return good(`${model} approved by ${event.data.by}: ${event.data.reason}`);
    case 'rollout.rejected':
      return bad(`${model} rejected by ${event.data.by}: ${event.data.reason}`);
    case 'rollout.gate_overridden':
      return warn(`${model}: gate ${event.data.gate} overridden by ${event.data.by}: ${event.data.reason}`);
    case 'rollout.held':
      return warn(`${model} held (${event.data.kind}) by ${event.data.by}: ${event.data.reason}`);
    case 'rollout.released':
      return info(`${model}: hold ${event.data.holdId} released by ${event.data.by}: ${event.data.reason}`);
    case 'rollout.stage_summarised': {
      const s = event.data.summary;
      const measured = s.measuredShare === null ? 'not measured' : `measured ${percent(s.measuredShare)}`;
      const p95 = s.latencyP95Ms === null ? '' : `, latency p95 ${milliseconds(s.latencyP95Ms)}`;
      return info(
        `${model} leaves ${stageLabel(s.stage)}: share asked ${percent(s.askedShare)}, ${measured}, ${counted(s.candidateRequests, 'request')}, ${counted(s.candidateErrors, 'error')}${p95}`,
      );
    }
    case 'rollout.aborted': {
      const { by, reason, verdict } = event.data;
      const because = verdict === undefined ? '' : ` (${describeVerdict(verdict)})`;
      return bad(`${model} rolled back by ${by}: ${reason}${because}; stable serves alone`);
    }
    case 'rollout.completed':
      return good(`${model} completed: the candidate is the new stable`);
  }
}

function sayMeeting(event: EventOfKind['meetings']): Said | readonly Said[] {
  switch (event.type) {
    case 'meeting.opened':
      return info(
        `meeting ${event.data.meetingId} opened: ${spaced(event.data.reason)}${event.data.detail === '' ? '' : `, ${event.data.detail}`}`,
        '#',
      );
    case 'meeting.turn_taken': {
      const { role, phase, speaker, text, ballots = [] } = event.data;
      if (ballots.length === 0) return detail(`${role}, ${speakerLabel(speaker)}, ${phase}: ${cut(text)}`);
      return ballots.map((b) => {
        const line = `${role} votes ${voteLabel(b.vote)}: ${cut(b.reason)}`;
        return b.vote === 'go' ? info(line, '+') : b.vote === 'no_go' ? warn(line, '-') : info(line, '~');
      });
    }
    case 'meeting.advisor_absent':
      return warn(`${event.data.role} absent in ${event.data.phase}: ${event.data.reason}`);
    case 'meeting.closed': {
      const { meetingId, outcome, decisions, dissent, handoff, summary } = event.data;
      const head = `meeting ${meetingId} closed: ${spaced(outcome)}${summary === '' ? '' : `, ${cut(summary)}`}`;
      const lines: Said[] = [outcome === 'decided' ? info(head, '#') : warn(head)];
      for (const d of decisions) {
        const step = `${d.model} ${d.version} ${stageLabel(d.stage)}${d.toStage === undefined ? '' : ` -> ${stageLabel(d.toStage)}`}`;
        const said = sayTally(step, d);
        lines.push({ ...said, text: `${said.text}: ${cut(d.reason)}` });
      }
      for (const text of dissent) lines.push(warn(`dissent: ${cut(text)}`));
      if (handoff !== undefined) lines.push(detail(`plan: ${actionCounts(handoff.actions)}`));
      return lines;
    }
  }
}

function sayAction(event: EventOfKind['actions'], id: string): Said {
  switch (event.type) {
    case 'action.started': {
      const { owner, speaker, attempt } = event.data;
      return detail(
        `${owner}, ${speakerLabel(speaker)}, starts action ${id}${attempt > 1 ? `, attempt ${attempt}` : ''}`,
      );
    }
    case 'action.tool_called':
      return detail(`action ${id} calls ${event.data.tool}: ${cut(event.data.reason)}`);
    case 'action.tool_returned': {
      const { tool, ok, error, durationMs } = event.data;
      const line = `${tool} of action ${id} ${ok ? 'done' : 'failed'} in ${duration(durationMs / 1000)}${error === undefined ? '' : `: ${cut(error)}`}`;
      return ok ? detail(line) : warn(line);
    }
    case 'action.completed': {
      const { outcome, summary, criteria } = event.data;
      const met = criteria.filter((c) => c.verdict === 'met').length;
      const judged = criteria.length === 0 ? '' : ` (${met} of ${criteria.length} criteria met)`;
      const line = `action ${id} ${outcome}: ${cut(summary)}${judged}`;
      return outcome === 'succeeded' ? good(line) : outcome === 'superseded' ? detail(line) : warn(line);
    }
  }
}

function sayEvaluation(event: EventOfKind['evaluations'], id: string): Said {
  switch (event.type) {
    case 'evaluation.started':
      return detail(`${evaluationLabel(event.data.request)} started on ${event.data.runner}`);
    case 'evaluation.progressed':
      return detail(`evaluation ${id}: ${event.data.done} of ${event.data.total} queries`);
    case 'evaluation.completed': {
      const { request, result } = event.data;
      if (result.kind === 'rollback_test') {
        const line = `${evaluationLabel(request)} ${result.passed ? 'passed' : 'failed'}: ${result.probes - result.failedProbes} of ${result.probes} probes, to stable in ${milliseconds(result.swapToStableMs)}`;
        return result.passed ? info(line) : warn(`${line}; ${cut(result.detail)}`);
      }
      const { value, low, high } = result.metrics['ndcg@10'];
      return info(
        `${evaluationLabel(request)}: ndcg@10 ${value.toFixed(3)} ${bounds(low, high, (v) => v.toFixed(3))} on ${counted(result.queries, 'query', 'queries')}`,
      );
    }
    case 'evaluation.failed':
      return warn(`${evaluationLabel(event.data.request)} failed: ${event.data.code}: ${cut(event.data.message)}`);
  }
}

function sayIncident(event: EventOfKind['incidents']): Said {
  switch (event.type) {
    case 'incident.opened': {
      const { severity, title, model, source, incidentId } = event.data;
      const line = `${severity} incident ${incidentId}${model === undefined ? '' : ` on ${model}`}: ${title}${source === '' ? '' : ` (${source})`}`;
      return severity === 'P0' ? bad(line) : warn(line);
    }
    case 'incident.acknowledged':
      return info(`incident ${event.data.incidentId} acknowledged by ${event.data.by}`);
    case 'incident.resolved':
      return good(`incident ${event.data.incidentId} resolved by ${event.data.by}: ${event.data.reason}`);
  }
}

function sayRegistry(event: EventOfKind['models']): Said {
  const { digest, by } = event.data;
  if (event.type === 'model.registered')
    return info(`model ${event.data.model} ${event.data.version} (${shortDigest(digest)}) registered by ${by}`, '+');
  const { name, documents, queries } = event.data;
  return info(
    `dataset ${name} (${shortDigest(digest)}) registered by ${by}: ${counted(documents, 'document')}, ${counted(queries, 'query', 'queries')}`,
    '+',
  );
}

function sayVerdict(verdict: Verdict): Said {
  const line = describeVerdict(verdict);
  const dry = verdict.dryRun ? ' (dry run)' : verdict.required ? '' : ' (not required)';
  switch (verdict.outcome) {
    case 'pass':
      return good(`${line}${dry}`);
    case 'fail':
      return bad(`${line}: fail${dry}`);
    case 'pending':
    case 'running':
      return detail(`${line}${dry}`);
    case 'inconclusive':
    case 'error':
      return warn(`${line}: ${verdict.outcome}, ${verdict.sentence}${dry}`);
  }
}

interface Tally {
  readonly decision: 'go' | 'no_go';
  readonly yes: readonly string[];
  readonly no: readonly string[];
  readonly abstained: readonly string[];
}

function sayTally(what: string, { decision, yes, no, abstained }: Tally): Said {
  const line = `${what}: ${voteLabel(decision)}, ${yes.length} yes, ${no.length} no, ${abstained.length} abstained`;
  return decision === 'go' ? good(line) : warn(line);
}

export type Measure = 'score' | 'latency' | 'share' | 'incidents' | 'rollback_test' | 'difference';

/** What a verdict measures: from its gate if given, else from the guide's gate names and the source of the evidence. */
export function measureOf(verdict: Pick<Verdict, 'gate' | 'source' | 'operator'>, gate?: Gate): Measure {
  if (gate?.source === 'telemetry') return gate.metric === 'latency_p95_ms' ? 'latency' : 'share';
  if (gate?.source === 'evaluation') return 'score';
  if (gate?.source === 'comparison') return 'difference';
  if (gate?.source === 'incidents' || gate?.source === 'rollback_test') return gate.source;
  const { gate: name, source, operator } = verdict;
  if (name === 'no_loss_vs_stable') return 'difference';
  if (name === 'rollback_test' || source.startsWith('rollback')) return 'rollback_test';
  if (name === 'p0_incidents' || source === 'incidents') return 'incidents';
  if (name === 'slo_compliance' || (source === 'telemetry' && operator === '>=')) return 'share';
  return name.startsWith('latency') || source === 'telemetry' ? 'latency' : 'score';
}

/**
 * The gate line, e.g. `ndcg@10 0.741 [0.711-0.770] n=600, needs >= 0.72`. Digits are added until the printed value stands on
 * the same side of the threshold as the measured one: 0.7197 is not shown as 0.720 beside `>= 0.72`.
 */
export function describeVerdict(verdict: Verdict, gate?: Gate): string {
  const measure = measureOf(verdict, gate);
  const needs = `needs ${describeThreshold(measure, verdict.operator, verdict.threshold)}`;
  if (verdict.value === null) return `${verdict.gate} not measured yet${sampleCount(verdict, measure)}, ${needs}`;
  return `${verdict.gate} ${describeValue(verdict, measure)}${sampleCount(verdict, measure)}, ${needs}`;
}

function sampleCount({ samples, minSamples, value }: Verdict, measure: Measure): string {
  if (measure === 'incidents') return '';
  if (value === null && samples === 0) return '';
  return samples < minSamples ? ` n=${samples} of ${minSamples}` : ` n=${samples}`;
}

/** The condition alone: `>= 0.72`, `< 50 ms`, `>= 99%`, `0`, `passed`. */
export function describeThreshold(measure: Measure, operator: Verdict['operator'], threshold: number): string {
  if (measure === 'rollback_test') return 'passed';
  if (measure === 'incidents') return String(threshold);
  if (measure === 'latency') return `${operator} ${threshold} ms`;
  return measure === 'share' ? `${operator} ${percent(threshold)}` : `${operator} ${threshold}`;
}

/** Value with unit and interval: `3.2 ms [2.9-3.6]`, `99.8% [99.1-99.9]`, `0 open`, `passed`; `-` when there is none. */
export function describeValue(verdict: Verdict, measure: Measure): string {
  const { value, interval, threshold, operator } = verdict;
  if (value === null) return '-';
  if (measure === 'rollback_test') return value >= threshold ? 'passed' : 'failed';
  if (measure === 'incidents') return `${value} open`;
  const scale = measure === 'share' ? 100 : 1;
  const digits = faithfulDigits(
    value * scale,
    threshold * scale,
    operator,
    measure === 'latency' || measure === 'share' ? 1 : 3,
  );
  const unit = measure === 'latency' ? ' ms' : measure === 'share' ? '%' : '';
  const sign = measure === 'difference' && value > 0 ? '+' : '';
  const range = interval === null ? '' : ` ${bounds(interval.low, interval.high, (v) => (v * scale).toFixed(digits))}`;
  return `${sign}${(value * scale).toFixed(digits)}${unit}${range}`;
}

function faithfulDigits(value: number, threshold: number, operator: Verdict['operator'], least: number): number {
  const holds = (v: number): boolean =>
    operator === '<' ? v < threshold : operator === '<=' ? v <= threshold : v >= threshold;
  let digits = least;
  while (digits < 8 && holds(Number(value.toFixed(digits))) !== holds(value)) digits++;
  return digits;
}

function bounds(low: number, high: number, format: (value: number) => string): string {
  return low < 0 || high < 0 ? `[${format(low)} to ${format(high)}]` : `[${format(low)}-${format(high)}]`;
}

/** `shadow`, `5%`, `20%`, `50%`, `production`. */
export function stageLabel(stage: StageName): string {
  return stage === 'shadow' || stage === 'production' ? stage : percent(shareOf(stage));
}

/** `rules (no LLM)` or vendor and model. */
export function speakerLabel(speaker: { readonly adapter: string; readonly model: string }): string {
  return speaker.adapter === 'rules' ? 'rules (no LLM)' : `${speaker.adapter} ${speaker.model}`;
}

/** Mark of an outcome, for terminals. */
export function outcomeIcon(outcome: VerdictOutcome): string {
  return { pass: '✓', fail: '✗', inconclusive: '!', error: '!', running: '…', pending: '·' }[outcome];
}

/** A share as a percentage without needless digits: 0.05 is `5%`, 0.0512 is `5.1%`. */
export function percent(share: number): string {
  return `${Number((share * 100).toFixed(1))}%`;
}

/** Seconds in the largest fitting units: `8.5 s`, `4 min`, `3 h 20 min`, `6 d 4 h`. */
export function duration(seconds: number): string {
  if (seconds < 10) return `${Number(seconds.toFixed(1))} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const [big, small, bigUnit, smallUnit] =
    minutes < 2880
      ? [Math.floor(minutes / 60), minutes % 60, 'h', 'min']
      : [Math.floor(minutes / 1440), Math.floor((minutes % 1440) / 60), 'd', 'h'];
  return small === 0 ? `${big} ${bigUnit}` : `${big} ${bigUnit} ${small} ${smallUnit}`;
}

function milliseconds(value: number): string {
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
}

function evaluationLabel(request: EvaluationRequest): string {
  const what = `${request.model} ${request.version}`;
  return request.kind === 'offline' ? `evaluation of ${what}` : `rollback test of ${what} on ${request.runner}`;
}

function actionCounts(actions: readonly { readonly priority: string }[]): string {
  const counts = PRIORITIES.map((p) => [p, actions.filter((a) => a.priority.toLowerCase() === p).length] as const);
  const shown = counts.filter(([, count]) => count > 0).map(([p, count]) => `${count} ${p.toUpperCase()}`);
  return `${counted(actions.length, 'action')} (${shown.join(', ')})`;
}

function counted(count: number, singular: string, plural = `${singular}s`): string {
  return `${count} ${count === 1 ? singular : plural}`;
}

function voteLabel(vote: 'go' | 'no_go' | 'abstain'): string {
  return vote === 'no_go' ? 'no-go' : vote;
}

function spaced(name: string): string {
  return name.replaceAll('_', ' ');
}

function cut(text: string, limit = 240): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > limit ? `${line.slice(0, limit - 1)}…` : line;
}

const detail = (text: string): Said => ({ level: 'detail', text });
const info = (text: string, icon?: string): Said => ({ level: 'info', text, ...(icon === undefined ? {} : { icon }) });
const good = (text: string, icon = '✓'): Said => ({ level: 'good', text, icon });
const warn = (text: string, icon = '!'): Said => ({ level: 'warn', text, icon });
const bad = (text: string, icon = '✗'): Said => ({ level: 'bad', text, icon });

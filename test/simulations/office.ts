import assert from 'node:assert/strict';
import {
  aggregates,
  conclaveConfig,
  type MeetingEvent,
  type MeetingPhase,
  PLANNING_ROLES,
  parseHandoff,
  type RawEvent,
  type RolloutDefinition,
  type ScheduleEvent,
  stageName,
} from '@conclave/contracts';
import { openRollout, type ScheduledAction } from '@conclave/core';
import { type CoordinatorOptions, optionsOf } from '../../services/coordinator/src/coordinator-options.ts';
import { decideSchedule } from '../../services/coordinator/src/leader/schedule-loop.ts';
import { intakeEvents, lostPlan } from '../../services/coordinator/src/schedule/intake.ts';
import { evaluated, rollbackTested } from '../../services/coordinator/src/testing/given-evidence.ts';
import { NO_GO_SECONDS, Simulation } from '../../services/coordinator/src/testing/simulation.ts';
import { makeBrief } from '../../services/planner/src/brief/make-brief.ts';
import { rolloutsToVoteOn } from '../../services/planner/src/brief/schema.ts';
import { hasQuorum, outcomeOf } from '../../services/planner/src/meeting/meeting-outcome.ts';
import { type SimulatedTeam, sensible } from './teams.ts';

/** What may go wrong between a meeting and its results. */
export interface Mishaps {
  /** Whether the next meeting is never held: its planner died. */
  readonly meetingIsLost: () => boolean;
  /** Whether the next plan never reaches the inbox. */
  readonly planIsLost: () => boolean;
  readonly actionFails: (action: ScheduledAction) => boolean;
  /** Seconds that an action takes. */
  readonly actionSeconds: () => number;
}

export const NO_MISHAPS: Mishaps = {
  meetingIsLost: () => false,
  planIsLost: () => false,
  actionFails: () => false,
  actionSeconds: () => 60,
};

interface Running {
  readonly actionId: string;
  readonly endsAtMs: number;
}

/**
 * The schedule, the rollout, both teams and time, all in memory: the product's own decisions over the product's own folds, with meetings
 * held by the planner's own brief, count and plan. Nothing here decides when a meeting is due.
 */
export class Office {
  readonly simulation: Simulation;
  readonly options: CoordinatorOptions;
  team: SimulatedTeam = sensible;
  mishaps: Mishaps = NO_MISHAPS;
  /** Requests that arrive in a step. */
  requests = 400;
  private readonly config;
  private readonly running: Running[] = [];
  private readonly heard = new Set<string>();

  constructor(pace: object = {}, spec: Partial<RolloutDefinition['spec']> = {}) {
    this.config = conclaveConfig.parse({ pace: { noGoSeconds: NO_GO_SECONDS, ...pace } });
    this.options = optionsOf(this.config);
    this.simulation = new Simulation('act', spec);
    this.simulation.noGoSeconds = this.options.noGoSeconds;
  }

  get t() {
    return this.simulation.t;
  }

  /** When each meeting was called, in milliseconds. */
  get calls(): number[] {
    return this.scheduleEvents()
      .filter((event) => event.type === 'schedule.meeting_called')
      .map((event) => Date.parse(event.at));
  }

  /** Lets time pass, and whatever is due happen. */
  pass(seconds: number, stepSeconds: number): void {
    for (let passed = 0; passed < seconds; passed += stepSeconds) this.step(stepSeconds);
  }

  step(seconds: number): void {
    const { t, simulation } = this;
    t.advance(seconds);
    if (this.requests > 0) simulation.traffic(this.requests, 3);
    simulation.settle();
    this.endActions();
    simulation.settle();
    for (let turn = 0; turn < 6; turn++) {
      const events = decideSchedule(t.world, t.now, this.options);
      if (events.length === 0) break;
      t.append(aggregates.schedule, events);
      for (const event of events) {
        if (event.type === 'schedule.action_dispatched') this.start(event.data.actionId, event.data.attempt);
      }
      this.meet();
    }
    const lost = lostPlan(t.world, t.now, this.options.redispatchAfterMs);
    if (lost !== undefined) t.append(aggregates.schedule, intakeEvents(t.world, parseHandoff(lost), t.now));
  }

  private scheduleEvents(): ScheduleEvent[] {
    return this.t.commits
      .filter((commit) => commit.aggregate.kind === 'schedule')
      .flatMap((commit) => commit.events as ScheduleEvent[]);
  }

  private meet(): void {
    const { t } = this;
    const [called] = t.world.schedule.meetings;
    if (called === undefined || called.endedAt !== undefined || this.heard.has(called.meetingId)) return;
    this.heard.add(called.meetingId);
    if (this.mishaps.meetingIsLost()) return;
    const { meetingId, slot, reason, detail, deadline } = called;
    const at = t.now.toISOString();
    const brief = makeBrief(t.world, { meetingId, slot, reason, detail, deadline }, t.now, this.config);
    const say = (event: MeetingEvent) => t.append(aggregates.meeting(meetingId), [event as RawEvent]);
    const data = { meetingId, reason, detail, brief, deadline, planner: 'planner-0' };
    say({ id: `${meetingId}:opened`, type: 'meeting.opened', at, data });
    const phases: MeetingPhase[] = ['statement', ...(rolloutsToVoteOn(brief).length > 0 ? ['ballot' as const] : [])];
    for (const phase of phases) for (const role of PLANNING_ROLES) this.speak(meetingId, phase, role, at);
    if (hasQuorum(brief, t.world.meetings[meetingId]?.turns ?? [])) this.speak(meetingId, 'synthesis', 'moderator', at);
    const closing = outcomeOf(brief, t.world.meetings[meetingId] ?? assert.fail(), 'planning_meeting', at);
    say({ id: `${meetingId}:closed`, type: 'meeting.closed', at, data: closing });
    if (closing.handoff === undefined || this.mishaps.planIsLost()) return;
    t.append(aggregates.schedule, intakeEvents(t.world, parseHandoff(closing.handoff), t.now));
  }

  private speak(meetingId: string, phase: MeetingPhase, role: (typeof PLANNING_ROLES)[number], at: string): void {
    const brief = this.t.world.meetings[meetingId]?.brief;
    const said = this.team(phase, role, brief as Parameters<SimulatedTeam>[2]);
    const event: MeetingEvent =
      said === undefined
        ? {
            id: `${meetingId}:${phase}:${role}`,
            type: 'meeting.advisor_absent',
            at,
            data: { phase, role, reason: 'the vendor is down' },
          }
        : {
            id: `${meetingId}:${phase}:${role}`,
            type: 'meeting.turn_taken',
            at,
            data: {
              phase,
              role,
              speaker: { adapter: 'rules', model: 'rules' },
              text: said.text,
              ballots: said.ballots,
              content: { actions: said.actions, decisions: said.decisions },
              durationMs: 1,
            },
          };
    this.t.append(aggregates.meeting(meetingId), [event as RawEvent]);
  }

  private start(actionId: string, attempt: number): void {
    const action = this.t.world.schedule.actions[actionId] ?? assert.fail();
    this.record(actionId, 'action.started', {
      actionId,
      owner: action.owner,
      attempt,
      worker: 'executor-0',
      speaker: { adapter: 'rules', model: 'rules' },
    });
    this.running.push({ actionId, endsAtMs: this.t.now.getTime() + this.mishaps.actionSeconds() * 1000 });
  }

  private endActions(): void {
    const due = this.running.filter(({ endsAtMs }) => endsAtMs <= this.t.now.getTime());
    for (const run of due) {
      this.running.splice(this.running.indexOf(run), 1);
      const action = this.t.world.schedule.actions[run.actionId];
      if (action !== undefined && action.state !== 'ended') this.end(action);
    }
  }

  private end(action: ScheduledAction): void {
    const { actionId, tool, args = {} } = action;
    const ok = !this.mishaps.actionFails(action) && this.carryOut(action);
    if (tool !== undefined) {
      const callId = `${actionId}:1`;
      this.record(actionId, 'action.tool_called', { callId, tool, args, reason: 'planned' });
      this.record(actionId, 'action.tool_returned', { callId, tool, ok, result: {}, durationMs: 1 });
    }
    this.record(actionId, 'action.completed', {
      actionId,
      outcome: ok ? 'succeeded' : 'failed',
      summary: '',
      criteria: [],
    });
  }

  /** The effect of a tool on the world. */
  private carryOut({ tool, args = {} }: ScheduledAction): boolean {
    const { t, simulation } = this;
    if (tool === 'run_evaluation') evaluated(t, 0.74);
    else if (tool === 'run_rollback_test') {
      if (openRollout(t.state)?.servingSince === undefined) return false;
      rollbackTested(t, true);
    } else if (tool === 'deploy_model') {
      const outcome = simulation.deploy(stageName.parse(args.stage));
      return outcome !== 'not_eligible';
    }
    return true;
  }

  private record(actionId: string, type: string, data: object): void {
    const event: RawEvent = { id: `${actionId}:${this.t.commits.length}`, type, at: this.t.now.toISOString(), data };
    this.t.append(aggregates.action(actionId), [event]);
  }
}

import { type Journal, openJournal } from '@conclave/bus';
import type { TestBus } from '@conclave/bus/testing';
import {
  aggregates,
  type HandoffDocument,
  type MeetingPhase,
  type MeetingWork,
  PLANNING_ROLES,
  type PlanningRole,
} from '@conclave/contracts';
import { at, historyIn } from '@conclave/histories';
import { type Clock, systemClock } from '@conclave/service';
import type { Advisor, Ask, Contribution, Seat, Team } from '../advisors/advisor.ts';
import { rulesContribution } from '../advisors/rules/rules-advisor.ts';
import type { Brief } from '../brief/schema.ts';
import type { MeetingPorts } from '../meeting/meeting-ports.ts';
import { briefOf } from './brief.ts';

/** What stands for a crash: thrown at a fault point. */
export class Crash extends Error {}

/** A team of rules that counts what it is asked, in a real journal. */
export class MeetingHall {
  readonly journal: Journal;
  /** How often each turn was asked for. */
  readonly asked = new Map<string, number>();
  readonly published: { document: HandoffDocument; msgId: string }[] = [];
  /** Passings of fault points, in order. */
  readonly passed: string[] = [];
  brief: Brief = briefOf(historyIn().allPassed());
  #crashAt: { name: string; nth: number } | undefined;

  constructor(bus: TestBus['bus'], by = 'planner-0') {
    this.journal = openJournal(bus, { by });
  }

  /** The next passing of that name number `nth` ends the planner; the one after it does not. */
  crashAt(name: string, nth = 1): this {
    this.passed.length = 0;
    this.#crashAt = { name, nth };
    return this;
  }

  /** @param clock default: it is a minute after the beginning, and time goes on as it does */
  ports(
    seats: Partial<Record<PlanningRole, Seat>> = {},
    clock: Clock = { ...systemClock, now: () => at(60) },
  ): MeetingPorts {
    return {
      journal: this.journal,
      team: this.#team(seats),
      planner: 'planner-0',
      clock,
      makeBrief: async ({ meetingId }) => ({ ...this.brief, meetingId }),
      publishHandoff: async (document, msgId) => {
        this.published.push({ document, msgId });
      },
      faultPoint: async (name) => {
        this.passed.push(name);
        const nth = this.passed.filter((passed) => passed === name).length;
        if (this.#crashAt?.name !== name || this.#crashAt.nth !== nth) return;
        this.#crashAt = undefined;
        throw new Crash(`${name} ${nth}`);
      },
    };
  }

  /** A seat that says what the rules say, or what `speak` makes of it. */
  advisor(role: PlanningRole, speak?: (ask: Ask, attempt: number) => Promise<Contribution> | Contribution): Advisor {
    return {
      role,
      speaker: { adapter: 'rules', model: 'test' },
      speak: async (ask) => {
        const turn = `${ask.phase}:${role}`;
        const attempt = (this.asked.get(turn) ?? 0) + 1;
        this.asked.set(turn, attempt);
        return speak === undefined ? rulesContribution(role, ask.phase, ask.brief) : await speak(ask, attempt);
      },
    };
  }

  /** Event ids and types on the record of a meeting. */
  async recorded(meetingId: string): Promise<{ id: string; type: string }[]> {
    const commits = await this.journal.read(aggregates.meeting(meetingId));
    return commits.flatMap((commit) => commit.events.map(({ id, type }) => ({ id, type })));
  }

  #team(seats: Partial<Record<PlanningRole, Seat>>): Team {
    const seat = (role: PlanningRole): Seat => seats[role] ?? this.advisor(role);
    return {
      moderator: seat('moderator'),
      pre_architect: seat('pre_architect'),
      data_analyst: seat('data_analyst'),
      tech_analysis: seat('tech_analysis'),
      critic: seat('critic'),
      cotrr_team: seat('cotrr_team'),
    };
  }
}

/** Turns of a whole meeting, as `phase:role`. */
export const ALL_TURNS: readonly string[] = [
  ...turns('statement', PLANNING_ROLES),
  ...turns('challenge', ['critic']),
  ...turns(
    'revision',
    PLANNING_ROLES.filter((role) => role !== 'critic'),
  ),
  ...turns('ballot', PLANNING_ROLES),
  ...turns('synthesis', ['moderator']),
];

function turns(phase: MeetingPhase, roles: readonly PlanningRole[]): string[] {
  return roles.map((role) => `${phase}:${role}`);
}

/** A work message of a meeting whose deadline is far. */
export function called(meetingId: string, deadline = at(6000)): MeetingWork {
  return { meetingId, slot: 7, reason: 'stage_ready', detail: '', deadline: deadline.toISOString() };
}

import type { Journal } from '@conclave/bus';
import type { HandoffDocument, MeetingWork } from '@conclave/contracts';
import type { Clock } from '@conclave/service';
import type { Team } from '../advisors/advisor.ts';
import type { Brief } from '../brief/schema.ts';

/** What a meeting needs from outside. */
export interface MeetingPorts {
  readonly journal: Pick<Journal, 'append' | 'read'>;
  readonly team: Team;
  /** This planner's instance. */
  readonly planner: string;
  readonly clock: Clock;
  /** The brief of this meeting; called only for a meeting that is not on record yet. */
  makeBrief(work: MeetingWork, signal: AbortSignal): Promise<Brief>;
  /** Stores the handoff in the inbox; the same id is stored once. */
  publishHandoff(document: HandoffDocument, msgId: string): Promise<void>;
  faultPoint(name: string): Promise<void>;
}

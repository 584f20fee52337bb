import { voteLabel } from './words.ts';

/** `detail` is routine that a reader may hide; `bad` stopped something, `warn` may. */
export type Level = 'detail' | 'info' | 'good' | 'warn' | 'bad';

/** One sentence about an event, ready for a terminal or a page. */
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

/** What an event says; when, where and of which kind is added by `describeCommit`. */
export type Said = Pick<Description, 'level' | 'text' | 'icon'>;

interface Tally {
  readonly decision: 'go' | 'no_go';
  readonly yes: readonly string[];
  readonly no: readonly string[];
  readonly abstained: readonly string[];
}

/** A counted vote as a line. */
export function sayTally(what: string, { decision, yes, no, abstained }: Tally): Said {
  const line = `${what}: ${voteLabel(decision)}, ${yes.length} yes, ${no.length} no, ${abstained.length} abstained`;
  return decision === 'go' ? good(line) : warn(line);
}

export const detail = (text: string): Said => ({ level: 'detail', text });
export const info = (text: string, icon?: string): Said => ({
  level: 'info',
  text,
  ...(icon === undefined ? {} : { icon }),
});
export const good = (text: string, icon = '✓'): Said => ({ level: 'good', text, icon });
export const warn = (text: string, icon = '!'): Said => ({ level: 'warn', text, icon });
export const bad = (text: string, icon = '✗'): Said => ({ level: 'bad', text, icon });

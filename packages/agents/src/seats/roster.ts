import type { AgentConfig } from '@conclave/contracts';
import { askLists, type ModelLists } from './ask-lists.ts';
import { planSeat, type SeatPlan } from './plan-seat.ts';
import { RestBook } from './rest-book.ts';

/** Time that a vendor has to give its list. */
const LIST_TIMEOUT_MS = 10_000;
/** A day brings new models and shutdowns; a list that could not be had is asked for again sooner. */
const AGAIN_AFTER_MS = 6 * 3600_000;
const RETRY_AFTER_MS = 10 * 60_000;

/** What the chairs of a process know together of their vendors. */
export interface Roster {
  readonly rests: RestBook;
  /** Who may speak for a chair by what is known now. */
  plan(agent: AgentConfig): SeatPlan;
}

/** Of chairs whose vendors nobody asks for their lists. */
export function rosterWithoutLists(env: Readonly<NodeJS.ProcessEnv>, now: () => Date = () => new Date()): Roster {
  return { rests: new RestBook(), plan: (agent) => planSeat(agent, env, new Map(), now()) };
}

export interface ListeningRoster extends Roster {
  /** Ends the asking. */
  stop(): void;
}

/**
 * Asks the vendors of these chairs for their lists, now and again every few hours, while the chairs already speak: nobody waits for a list.
 * @param onLists called after each round.
 */
export function openRoster(
  agents: readonly AgentConfig[],
  env: Readonly<NodeJS.ProcessEnv>,
  { now, onLists }: { readonly now: () => Date; readonly onLists: (roster: Roster) => void },
): ListeningRoster {
  let lists: ModelLists = new Map();
  const stopping = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const roster = {
    rests: new RestBook(),
    plan: (agent: AgentConfig) => planSeat(agent, env, lists, now()),
    stop() {
      stopping.abort();
      clearTimeout(timer);
    },
  };
  const ask = async (): Promise<void> => {
    const found = await askLists(agents, env, { timeoutMs: LIST_TIMEOUT_MS, signal: stopping.signal });
    if (stopping.signal.aborted) return;
    lists = found;
    onLists(roster);
    const isWhole = [...found.values()].every((list) => 'models' in list);
    timer = setTimeout(() => void ask(), isWhole ? AGAIN_AFTER_MS : RETRY_AFTER_MS).unref();
  };
  void ask();
  return roster;
}

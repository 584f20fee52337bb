import { type Contribution, contribution, type ProposedAction } from '../advisors/advisor.ts';

/*
 * A turn that always fits a commit, whatever an advisor says. Texts are clipped at a stated length, lists cut at a stated number; an action
 * whose arguments are larger than any tool takes loses them. All limits together stay far below the server's largest message.
 */

/** Characters of a turn's text, of a ballot's reason, of another field. */
const TEXT = 16_000;
const REASON = 2000;
const FIELD = 1000;
const NAME = 200;
const ITEMS = 50;
const ARGS_BYTES = 8 * 1024;
/** Of all actions of a turn together; the last ones are left out first. */
const ACTIONS_BYTES = 192 * 1024;
/** Of a reason for an absence: an error may quote what it is about. */
const ABSENCE = 2000;

/** What is said is checked again: a seat may be filled by anything. @throws ZodError for what is no contribution at all. */
export function boundedTurn(said: Contribution): Contribution {
  const { ballots = [], actions = [], decisions = [] } = said;
  return contribution.parse({
    text: clipped(said.text, TEXT),
    ballots: ballots.slice(0, ITEMS).map((ballot) => ({
      ...ballot,
      rolloutId: clipped(ballot.rolloutId, NAME),
      verdictSet: clipped(ballot.verdictSet, NAME),
      reason: clipped(ballot.reason, REASON),
    })),
    actions: fitting(actions.slice(0, ITEMS).map(boundedAction)),
    decisions: decisions
      .slice(0, ITEMS)
      .map((claimed) => ({ ...claimed, rolloutId: clipped(claimed.rolloutId, NAME) })),
  });
}

export function boundedReason(reason: string): string {
  return clipped(reason, ABSENCE);
}

function boundedAction({ args, depends_on, ...fields }: ProposedAction): ProposedAction {
  const named = Object.entries(fields).map(([name, value]) => [
    name,
    clipped(value, name === 'action' ? FIELD : NAME * 2),
  ]);
  return {
    ...fields,
    ...Object.fromEntries(named),
    ...(args === undefined || bytesOf(args) > ARGS_BYTES ? {} : { args }),
    ...(depends_on === undefined ? {} : { depends_on: depends_on.slice(0, ITEMS) }),
  };
}

function fitting(actions: readonly ProposedAction[]): ProposedAction[] {
  let bytes = 0;
  return actions.filter((action) => {
    bytes += bytesOf(action);
    return bytes <= ACTIONS_BYTES;
  });
}

function bytesOf(value: ProposedAction | Readonly<Record<string, unknown>>): number {
  return Buffer.byteLength(JSON.stringify(value));
}

/** At most so many characters, none of them half; what is no text is left for the schema to refuse. */
function clipped<T>(value: T, limit: number): T | string {
  if (typeof value !== 'string' || value.length <= limit) return value;
  return `${value.slice(0, limit - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}

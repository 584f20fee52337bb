import { type ExecutiveRole, ROLE_TOOLS, subjects } from '@conclave/contracts';

/*
 * Which actions order a rollback. Taking traffic back waits for nobody: such an action needs no language model to be carried out, and it
 * goes to its workers by a queue of its own.
 * 1. An action that names `rollback_model` is an order, whatever its text says.
 * 2. A text is one when it begins with the order, as in `Roll back V1.0 to stable`, and says it without a condition. One that depends on
 *    something (`Roll back V1.0 if errors rise`) is for an agent to weigh; the gates take back by themselves what breaks them.
 * 3. In doubt about what is meant by an order, it is carried out: stable serves, which is never wrong for long.
 */

export interface OrderedAction {
  readonly owner: ExecutiveRole;
  readonly action: string;
  readonly tool?: string | undefined;
}

/** Whether this action is an order to roll back that its owner may carry out. */
export function isRollbackOrder({ owner, action, tool }: OrderedAction): boolean {
  if (!ROLE_TOOLS[owner].includes('rollback_model')) return false;
  return tool === undefined ? isRollbackText(action) : tool === 'rollback_model';
}

/** Subject of the work message of an action: rollbacks never queue behind other work. */
export function workSubjectOf(action: OrderedAction): string {
  return isRollbackOrder(action) ? subjects.workRollback(action.owner) : subjects.workAction(action.owner);
}

const URGED = String.raw`^(?:(?:please|now|immediately|then|first|next|urgent(?:ly)?|emergency|critical|at once)[,:;!-]*\s+)*`;
/** Words after which `rollback` is a thing that is tested or written about. */
const ABOUT = String.raw`(?:tests?|testing|drills?|rehears\w+|readiness|procedures?|plans?|planning|strateg\w+|scripts?|doc\w*|runbooks?|polic\w+|criteri\w+|triggers?|reviews?|checklists?|capabilit\w+|simulations?|exercises?|mechanisms?|paths?|automation|verification|validation)`;
const THING = String.raw`(?:(?:the|this|that|our|current|new|failed|failing|bad|open|latest)\s+)*(?:model|candidate|rollout|version|deployment|release|canary)\b`;
/** What may follow the verb: an end, a moment, a version, a thing, a share of traffic, or one name and no more than that. */
const OBJECT = String.raw`(?:\s*$|\s*[,:;.!(—-]|\s+(?:now|immediately|at once)\b|\s+v?\d|\s+(?:from|to|it|this|everything|all|production|shadow|stable)\b|\s+${THING}|\s+[a-z0-9-]+\s+(?:v?\d|version\b)|\s+(?!${ABOUT}\b)[a-z0-9-]+(?:\s*$|\s*[,:;.!(]|\s+(?:to|from|because|due|since|as|now|immediately)\b))`;

const ORDERS: readonly RegExp[] = [
  new RegExp(String.raw`${URGED}(?:roll\s?-?back|revert|abort)(?![\s-]+${ABOUT}\b)${OBJECT}`, 'i'),
  // "Roll V1.0 back"
  new RegExp(String.raw`${URGED}roll\s+(?:(?:${THING}|v?\d[\w.+-]*|version|it|[a-z0-9-]+)\s+){1,3}back\b`, 'i'),
  new RegExp(
    String.raw`${URGED}(?:execute|perform|trigger|initiate|start|begin|do|make|carry\s+out|order)\s+(?:an?\s+|the\s+)?(?:(?:immediate|emergency|full|complete)\s+)*roll-?\s?back\b(?![\s-]+${ABOUT}\b)`,
    'i',
  ),
];
const CONDITION =
  /\b(?:if|unless|in case|in the event|should|when(?:ever)?|once|upon|until|as needed|as necessary|on (?:an? |any )?(?:failure|breach|error|regression|alert|incident|request|demand))\b/i;
/** What follows gives a reason, and no condition. */
const REASON = /\b(?:because|since|due to|as)\b(?!\s+(?:needed|necessary))|[:;(—]|\s-\s|[.!]\s/i;

/** Whether a text is an order to roll something back, now. */
export function isRollbackText(text: string): boolean {
  const order = text.trim();
  if (!ORDERS.some((pattern) => pattern.test(order))) return false;
  const told = order.replace(new RegExp(URGED, 'i'), '').split(REASON, 1)[0] ?? '';
  return !CONDITION.test(told);
}

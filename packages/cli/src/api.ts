import { setTimeout as pause } from 'node:timers/promises';
import type { Bus } from '@conclave/bus';
import {
  API,
  type ApiVerb,
  ConclaveError,
  isConclaveError,
  subjects,
  TOKEN_HEADER,
  zodMessage,
} from '@conclave/contracts';
import type { z } from 'zod';

const ANSWER_MS = 15_000;
const RETRY_MS = 500;
const LEADER_ANSWERS_MS = 2000;
/** What `nats micro ping` asks: only the leading coordinator serves under this name. */
const LEADER_PING = '$SRV.PING.conclave-coordinator';

/** Body of a verb, as the caller writes it. */
export type ApiBody<V extends ApiVerb> = z.input<(typeof API)[V]['request']>;

/**
 * Asks the coordinator. The body is checked before it is sent.
 * @returns the answer's JSON.
 * @throws CVE_REQUEST_INVALID; CVE_REQUEST_UNANSWERED when no coordinator answers in 15 s; whatever the coordinator answers.
 */
export async function callApi<V extends ApiVerb>(
  bus: Bus,
  verb: V,
  body: ApiBody<V>,
  token?: string,
): Promise<unknown> {
  const checked = API[verb].request.safeParse(body);
  if (!checked.success) throw new ConclaveError('CVE_REQUEST_INVALID', `${verb}: ${zodMessage(checked.error, body)}`);
  const headers = token === undefined ? {} : { [TOKEN_HEADER]: token };
  const deadline = performance.now() + ANSWER_MS;
  for (;;) {
    try {
      // A command that stood still during the pause still has to hear the answer: what it asks is carried out.
      const timeoutMs = Math.max(RETRY_MS, deadline - performance.now());
      const reply = await bus.request(subjects.api(verb), body, { timeoutMs, headers });
      return reply.json();
    } catch (error) {
      // A replica that has just stopped leading has done nothing; its successor is asked next.
      const mayAskAgain = isConclaveError(error, 'CVE_LEASE_LOST') && performance.now() + 2 * RETRY_MS < deadline;
      if (!mayAskAgain) throw named(verb, error);
    }
    await pause(RETRY_MS);
  }
}

/** The error; one that says that nobody answered names the verb, and where to look. */
function named(verb: ApiVerb, error: unknown): unknown {
  if (!isConclaveError(error, 'CVE_REQUEST_UNANSWERED')) return error;
  return new ConclaveError(
    'CVE_REQUEST_UNANSWERED',
    `no coordinator answered ${verb} in ${ANSWER_MS / 1000} s; see whether one runs and leads: conclave status`,
    { cause: error },
  );
}

/** Whether a leader is there and answers. The journal cannot tell: it names the last one, dead or alive. */
export async function hasLeader(bus: Bus): Promise<boolean> {
  try {
    await bus.request(LEADER_PING, undefined, { timeoutMs: LEADER_ANSWERS_MS });
    return true;
  } catch (error) {
    if (isConclaveError(error, 'CVE_REQUEST_UNANSWERED')) return false;
    throw error;
  }
}

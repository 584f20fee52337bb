/**
 * The journal.
 *
 * 1. A commit is one message: all its events are stored, or none.
 * 2. An append with an expected sequence is stored only if the aggregate's last commit still has that sequence (the stream's leader
 *    compares, so this holds across replicas and reconnects).
 * 3. Whoever gets a sequence back from `append` has that very commit stored there: after a conflict, a duplicate or an unknown outcome the
 *    aggregate is read again and the event ids are compared. The same ids are one's own commit, other ids are a conflict.
 * 4. Reading is linearizable: the aggregate's head comes from the stream's leader, and the read goes on until that sequence is there. A
 *    lagging replica can delay a read, never shorten it.
 * 5. A message that is no commit stops whoever reads it (CVE_JOURNAL_CORRUPT); it is never skipped.
 */
import {
  type Aggregate,
  type AggregateKind,
  aggregateOf,
  COMMIT_LIMIT_BYTES,
  type Commit,
  ConclaveError,
  commitBody,
  digestOf,
  messageOf,
  type RawEvent,
  STREAMS,
  subjects,
  zodMessage,
} from '@conclave/contracts';
import {
  asConclaveError,
  isUnanswered,
  JS_ERROR,
  jsErrorCode,
  type Native,
  nativeOf,
  parseJson,
  pause,
} from './native.ts';
import type { Bus } from './ports/connection.ts';
import type { AppendOptions, Journal } from './ports/journal.ts';
import { OutcomeUnknown, refuseTooLarge, store } from './publish.ts';
import type { StreamMessage } from './pull.ts';
import { followStream, readRange } from './reader.ts';

const APPEND_DEADLINE_MS = 30_000;
const READ_DEADLINE_MS = 30_000;
/** For the last look after an append's own deadline has passed. */
const LAST_LOOK_MS = 2000;

/** Another commit came first; `actualSeq` is the aggregate's last one now. */
export class JournalConflict extends ConclaveError {
  readonly actualSeq: number;

  constructor(subject: string, expectedSeq: number | 'any', actualSeq: number) {
    super(
      'CVE_JOURNAL_CONFLICT',
      `${subject} is at ${actualSeq}, not at ${expectedSeq}; read it again and decide anew`,
    );
    this.actualSeq = actualSeq;
  }
}

/**
 * @param options.by the writing instance, stored in each commit.
 * @param options.check called before each append; what it throws refuses the append.
 */
export function openJournal(
  bus: Bus,
  options: { by: string; check?: (kind: AggregateKind, events: readonly RawEvent[]) => void },
): Journal {
  const native = nativeOf(bus);
  return {
    async append(aggregate, expectedSeq, events, appendOptions = {}) {
      options.check?.(aggregate.kind, events);
      return await append(native, { by: options.by, aggregate, expectedSeq, events, ...appendOptions });
    },
    read: (aggregate, readOptions = {}) => read(native, aggregate, readOptions.afterSeq ?? 0),
    head: (aggregate) => head(native, subjects.journal(aggregate)),
    lastSeq: async () => {
      const info = await native.jsm.streams.info(STREAMS.journal).catch((error: unknown) => {
        throw asConclaveError(error, 'read the end of the journal');
      });
      return info.state.last_seq;
    },
    follow: (follow) =>
      followStream(native, {
        stream: STREAMS.journal,
        filters: follow.filters,
        start: { seq: follow.fromSeq ?? 1 },
        onMessage: (message) => follow.onCommit(toCommit(message)),
        onCaughtUp: follow.onCaughtUp === undefined ? undefined : () => follow.onCaughtUp?.(),
        onError: (error) => follow.onError(error),
      }),
  };
}

interface Append extends AppendOptions {
  readonly by: string;
  readonly aggregate: Aggregate;
  readonly expectedSeq: number | 'any';
  readonly events: readonly RawEvent[];
}

async function append(native: Native, request: Append): Promise<{ seq: number }> {
  const { aggregate, expectedSeq, events, by, fence } = request;
  const subject = subjects.journal(aggregate);
  const body = commitBody.safeParse({ by, ...(fence === undefined ? {} : { fence }), events });
  if (!body.success) {
    throw new ConclaveError(
      'CVE_MESSAGE_MALFORMED',
      `a commit for ${subject} is invalid: ${zodMessage(body.error, { by, fence, events })}`,
    );
  }
  const payload = new TextEncoder().encode(JSON.stringify(body.data));
  refuseTooLarge(subject, payload.length, COMMIT_LIMIT_BYTES);
  const content = digestOf(expectedSeq === 'any' ? events.map((event) => event.id) : body.data);
  const deadlineMs = request.deadlineMs ?? APPEND_DEADLINE_MS;
  let stored: { seq: number; duplicate: boolean };
  try {
    stored = await store(native, subject, payload, {
      msgId: `${subject}|${expectedSeq}|${content}`,
      deadlineMs,
      ...(expectedSeq === 'any' ? {} : { expectedSubjectSeq: expectedSeq }),
    });
  } catch (error) {
    return await settle(native, request, subject, error, deadlineMs);
  }
  if (!stored.duplicate) return { seq: stored.seq };
  const original = await read(native, aggregate, stored.seq - 1, { until: stored.seq });
  const own = original.find((commit) => commit.seq === stored.seq && sameEvents(commit.events, events));
  if (own !== undefined) return { seq: own.seq };
  throw new JournalConflict(subject, expectedSeq, await head(native, subject));
}

/** After a conflict or an unknown outcome: the own commit may be there all the same. */
async function settle(
  native: Native,
  request: Append,
  subject: string,
  error: unknown,
  deadlineMs: number,
): Promise<{ seq: number }> {
  const { aggregate, expectedSeq, events } = request;
  const code = jsErrorCode(error);
  const conflict = code === JS_ERROR.wrongLastSequence || code === JS_ERROR.wrongLastSequenceInFlight;
  if (!conflict && !(error instanceof OutcomeUnknown)) throw asConclaveError(error, `append to ${subject}`);
  const unknown = new ConclaveError(
    'CVE_JOURNAL_OUTCOME_UNKNOWN',
    `nobody confirmed a commit on ${subject} in ${deadlineMs} ms; read the aggregate again before deciding (${messageOf(error)})`,
    { cause: error },
  );
  let later: Commit[];
  try {
    later = await read(native, aggregate, expectedSeq === 'any' ? 0 : expectedSeq, {
      deadlineMs: conflict ? READ_DEADLINE_MS : LAST_LOOK_MS,
    });
  } catch (readError) {
    if (conflict) throw readError;
    throw unknown;
  }
  const own = later.find((commit) => sameEvents(commit.events, events));
  if (own !== undefined) return { seq: own.seq };
  const actualSeq = later.at(-1)?.seq;
  if (actualSeq !== undefined && expectedSeq !== 'any') throw new JournalConflict(subject, expectedSeq, actualSeq);
  if (!conflict) throw unknown;
  throw new JournalConflict(subject, expectedSeq, await head(native, subject));
}

function sameEvents(stored: readonly RawEvent[], own: readonly RawEvent[]): boolean {
  return stored.length === own.length && stored.every((event, index) => event.id === own[index]?.id);
}

/** Commits after `afterSeq`, up to `until` or else the head that the stream's leader names. */
async function read(
  native: Native,
  aggregate: Aggregate,
  afterSeq: number,
  options: { until?: number; deadlineMs?: number } = {},
): Promise<Commit[]> {
  const deadlineMs = options.deadlineMs ?? READ_DEADLINE_MS;
  const subject = subjects.journal(aggregate);
  const last = options.until ?? (await head(native, subject, deadlineMs));
  if (last <= afterSeq) return [];
  const messages = await readRange(native, {
    stream: STREAMS.journal,
    filters: [subject],
    start: { seq: afterSeq + 1 },
    until: last,
    deadlineMs,
  });
  return messages.map(toCommit);
}

/** Sequence of a subject's last message, asked from the stream's leader. 0 for none. */
async function head(native: Native, subject: string, deadlineMs = READ_DEADLINE_MS): Promise<number> {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    try {
      const message = await native.jsm.streams.getMessage(STREAMS.journal, { last_by_subj: subject });
      return message.seq;
    } catch (error) {
      if (jsErrorCode(error) === JS_ERROR.noMessage) return 0;
      if (!isUnanswered(error) || performance.now() >= deadline || native.nc.isClosed())
        throw asConclaveError(error, `read ${subject}`);
      await pause(250);
    }
  }
}

/** @throws CVE_JOURNAL_CORRUPT */
function toCommit(message: StreamMessage): Commit {
  const at = `message ${message.streamSeq} (${message.subject}) of the journal`;
  try {
    const { by, fence, events } = commitBody.parse(parseJson(message.data, at));
    return {
      aggregate: aggregateOf(message.subject),
      seq: message.streamSeq,
      storedAt: message.storedAt,
      by,
      fence,
      events,
    };
  } catch (error) {
    throw new ConclaveError(
      'CVE_JOURNAL_CORRUPT',
      `${at} is no commit: ${messageOf(error)}; stop writers and examine it`,
      { cause: error },
    );
  }
}

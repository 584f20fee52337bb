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
 * 5. Each commit is signed (commits/commit-seal.ts). A message that is none is quarantined: everybody passes over it in the same way, and
 *    writers go on behind it. The expectation of an append is the last commit that its caller knows; what lies behind that and does not
 *    count is no conflict.
 * 6. A commit that took so long to be stored that it does not count any more is stored again.
 */
import {
  type Aggregate,
  type AggregateKind,
  COMMIT_LIMIT_BYTES,
  type Commit,
  ConclaveError,
  commitBody,
  digestOf,
  messageOf,
  type RawEvent,
  STREAMS,
  sha256,
  subjects,
  zodMessage,
} from '@conclave/contracts';
import { CommitReader } from './commits/commit-reader.ts';
import { ownKeyFor, sealCommit } from './commits/commit-seal.ts';
import { heardOf } from './heard.ts';
import { asConclaveError, isUnanswered, JS_ERROR, jsErrorCode, type Native, nativeOf, pause } from './native.ts';
import type { Bus } from './ports/connection.ts';
import type { AppendOptions, FollowOptions, Journal, JournalFollower, Stored } from './ports/journal.ts';
import { OutcomeUnknown, refuseTooLarge, store } from './publish.ts';
import { followStream, readRange } from './reader.ts';
import { FRESH_COMMITS } from './signing/admission.ts';
import { SIGNATURE_HEADER } from './signing/signature.ts';

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
    read: async (aggregate, readOptions = {}) =>
      (await readAggregate(native, aggregate, { afterSeq: readOptions.afterSeq ?? 0 })).commits,
    head: (aggregate) => head(native, subjects.journal(aggregate)),
    lastSeq: async () => {
      const info = await native.jsm.streams.info(STREAMS.journal).catch((error: unknown) => {
        throw asConclaveError(error, 'read the end of the journal');
      });
      return info.state.last_seq;
    },
    follow: (options) => follow(native, options),
  };
}

function follow(native: Native, options: FollowOptions): JournalFollower {
  const reader = new CommitReader(native.keyring(), options.position);
  const heard = heardOf(native);
  const follower = followStream(native, {
    stream: STREAMS.journal,
    filters: options.filters,
    start: { seq: options.fromSeq ?? 1 },
    onMessages: async (messages) => {
      const last = messages.at(-1);
      if (last !== undefined) heard.note(last.streamSeq, last.pending === 0);
      for (const read of await reader.read(messages)) {
        if (read.kind === 'quarantined') await options.onQuarantined?.(read.quarantined);
        else {
          heard.noteCommit(subjects.journal(read.commit.aggregate), read.commit.seq, read.digest);
          await options.onCommit(read.commit);
        }
      }
    },
    onCaughtUp: options.onCaughtUp === undefined ? undefined : () => options.onCaughtUp?.(),
    onError: (error) => options.onError(error),
  });
  return {
    get lastSeq() {
      return follower.lastSeq;
    },
    get caughtUp() {
      return follower.caughtUp;
    },
    get lastActivityAt() {
      return follower.lastActivityAt;
    },
    get position() {
      return reader.state;
    },
    stop: () => follower.stop(),
  };
}

interface Append extends AppendOptions {
  readonly by: string;
  readonly aggregate: Aggregate;
  readonly expectedSeq: number | 'any';
  readonly events: readonly RawEvent[];
}

async function append(native: Native, request: Append): Promise<Stored> {
  const { aggregate, events, by, fence } = request;
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
  const giveUpAt = performance.now() + (request.deadlineMs ?? APPEND_DEADLINE_MS);
  let { expectedSeq } = request;
  let isRepeated = false;
  for (;;) {
    const stored = await appendOnce(native, request, { subject, payload, expectedSeq, isRepeated });
    if ('seq' in stored) return stored;
    // Whoever floods the subject can be faster, and must not keep this writer from what else it has to do.
    if (performance.now() > giveUpAt) throw new JournalConflict(subject, expectedSeq, await head(native, subject));
    expectedSeq = stored.behind;
    isRepeated = true;
  }
}

interface Attempt {
  readonly subject: string;
  readonly payload: Uint8Array;
  readonly expectedSeq: number | 'any';
  /** Whether an attempt before this one ended as something that does not count. */
  readonly isRepeated: boolean;
}

/** @returns the place where the commit counts, or the message behind which it has to be stored instead: one that does not count. */
async function appendOnce(
  native: Native,
  request: Append,
  { subject, payload, expectedSeq, isRepeated }: Attempt,
): Promise<Stored | { behind: number | 'any' }> {
  const { aggregate, events } = request;
  const deadlineMs = request.deadlineMs ?? APPEND_DEADLINE_MS;
  const heard = heardOf(native);
  const readSeq = await heard.readSeq();
  const { header, digest } = sealCommit(ownKeyFor(native.signer, native.keyring(), aggregate.kind), {
    subject,
    expectedSeq,
    readSeq,
    predecessor: expectedSeq === 'any' ? undefined : heard.digestOf(subject, expectedSeq),
    payload,
  });
  let stored: { seq: number; duplicate: boolean };
  try {
    stored = await store(native, subject, payload, {
      // Two replicas that append the same without expectation are one by the content's name. Anybody can use that name first, though, and
      // then, as wherever a sequence tells two appends apart, the name follows from the signature, which nobody can guess.
      msgId:
        expectedSeq === 'any' && !isRepeated
          ? `${subject}|any|${digestOf(events.map((event) => event.id))}`
          : `${subject}|${sha256(Buffer.from(header))}`,
      headers: { [SIGNATURE_HEADER]: header },
      deadlineMs,
      ...(expectedSeq === 'any' ? {} : { expectedSubjectSeq: expectedSeq }),
    });
  } catch (error) {
    return await settle(native, request, { subject, expectedSeq, error, deadlineMs });
  }
  if (!stored.duplicate) {
    heard.note(stored.seq, true);
    // With a key that has ended meanwhile it may not count, and nobody is told that it does.
    ownKeyFor(native.signer, native.keyring(), aggregate.kind);
    // Nobody counts it, so it is as if somebody else had put something there.
    if (stored.seq - readSeq > FRESH_COMMITS) return { behind: expectedSeq === 'any' ? 'any' : stored.seq };
    heard.noteCommit(subject, stored.seq, digest);
    return { seq: stored.seq };
  }
  const { commits } = await readAggregate(native, aggregate, { afterSeq: stored.seq - 1, until: stored.seq });
  const own = commits.find((commit) => commit.seq === stored.seq && sameEvents(commit.events, events));
  if (own !== undefined) return { seq: own.seq, isFound: true };
  return { behind: expectedSeq };
}

/** After a conflict or an unknown outcome: the own commit may be there all the same. */
async function settle(
  native: Native,
  { aggregate, events, ...request }: Append,
  {
    subject,
    expectedSeq,
    error,
    deadlineMs,
  }: { subject: string; expectedSeq: number | 'any'; error: unknown; deadlineMs: number },
): Promise<Stored | { behind: number | 'any' }> {
  const code = jsErrorCode(error);
  const conflict = code === JS_ERROR.wrongLastSequence || code === JS_ERROR.wrongLastSequenceInFlight;
  if (!conflict && !(error instanceof OutcomeUnknown)) throw asConclaveError(error, `append to ${subject}`);
  const unknown = new ConclaveError(
    'CVE_JOURNAL_OUTCOME_UNKNOWN',
    `nobody confirmed a commit on ${subject} in ${deadlineMs} ms; read the aggregate again before deciding (${messageOf(error)})`,
    { cause: error },
  );
  const known = request.expectedSeq;
  let later: AggregateRead;
  try {
    later = await readAggregate(native, aggregate, {
      afterSeq: known === 'any' ? 0 : known,
      deadlineMs: conflict ? READ_DEADLINE_MS : LAST_LOOK_MS,
    });
  } catch (readError) {
    if (conflict) throw readError;
    throw unknown;
  }
  const own = later.commits.find((commit) => sameEvents(commit.events, events));
  if (own !== undefined) return { seq: own.seq, isFound: true };
  if (!conflict && (known === 'any' || later.commits.length === 0)) throw unknown;
  const actualSeq = known === 'any' ? undefined : later.commits.at(-1)?.seq;
  if (actualSeq !== undefined) throw new JournalConflict(subject, known, actualSeq);
  // Nothing that counts came in between: the commit stands behind what does not.
  if (later.lastSeq > (expectedSeq === 'any' ? 0 : expectedSeq))
    return { behind: expectedSeq === 'any' ? 'any' : later.lastSeq };
  throw new JournalConflict(subject, known, await head(native, subject));
}

function sameEvents(stored: readonly RawEvent[], own: readonly RawEvent[]): boolean {
  return stored.length === own.length && stored.every((event, index) => event.id === own[index]?.id);
}

interface AggregateRead {
  readonly commits: Commit[];
  /** Of the last message read, whether it counts or not; `afterSeq` when there was none. */
  readonly lastSeq: number;
}

/** Commits after `afterSeq`, up to `until` or else the head that the stream's leader names. */
async function readAggregate(
  native: Native,
  aggregate: Aggregate,
  { afterSeq, until, deadlineMs = READ_DEADLINE_MS }: { afterSeq: number; until?: number; deadlineMs?: number },
): Promise<AggregateRead> {
  const subject = subjects.journal(aggregate);
  const last = until ?? (await head(native, subject, deadlineMs));
  if (last <= afterSeq) return { commits: [], lastSeq: afterSeq };
  // What was stored shortly before tells whether one of these was stored before.
  const messages = await readRange(native, {
    stream: STREAMS.journal,
    filters: [subject],
    start: { seq: Math.max(1, afterSeq + 1 - FRESH_COMMITS) },
    until: last,
    deadlineMs,
  });
  const reader = new CommitReader(native.keyring());
  const heard = heardOf(native);
  const commits = [...(await reader.read(messages))].flatMap((read) => {
    if (read.kind === 'quarantined' || read.commit.seq <= afterSeq) return [];
    heard.noteCommit(subject, read.commit.seq, read.digest);
    return [read.commit];
  });
  return { commits, lastSeq: Math.max(afterSeq, messages.at(-1)?.streamSeq ?? 0) };
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

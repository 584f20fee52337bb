import { type Commit, subjects, WRITER_OF } from '@conclave/contracts';
import { headers } from 'nats';
import { sealCommit } from '../commits/commit-seal.ts';
import { nativeOf } from '../native.ts';
import type { Bus } from '../ports/connection.ts';
import { SIGNATURE_HEADER } from '../signing/signature.ts';

const EXPECTED = 'Nats-Expected-Last-Subject-Sequence';

/** Last commit of a subject; its digest, unless it was there before. */
interface Head {
  readonly seq: number;
  readonly digest: string | undefined;
}
const START: Head = { seq: 0, digest: undefined };

export interface BulkAppend {
  /** Most commits that wait for their acknowledgement. Default 4,000. */
  readonly inFlight?: number;
  /** Sequence of the journal's last commit: so many of `commits` are there already. Default 0. */
  readonly afterSeq?: number;
  /** Called now and then with the sequence of the last commit sent. */
  readonly onProgress?: (seq: number) => void;
}

/**
 * Appends a whole journal as fast as the server takes it: each commit with the expectation that the service that writes it would have, but
 * without waiting for the one before, signed by the key of that service. Nobody else may write meanwhile, so that every sequence is known beforehand.
 * @param commits from the journal's beginning, their sequences without a hole
 * @throws when the server refused one or stored it elsewhere: somebody else has written
 */
export async function bulkAppend(bus: Bus, commits: Iterable<Commit>, options: BulkAppend = {}): Promise<void> {
  const { inFlight = 4000, afterSeq = 0, onProgress } = options;
  const { nc, signer, inboxPrefix } = nativeOf(bus);
  const encoder = new TextEncoder();
  const heads = new Map<string, Head>();
  const inbox = `${inboxPrefix}.bulk.${process.pid}`;
  let sent = afterSeq;
  let acknowledged = afterSeq;
  let failure: Error | undefined;
  let wake = (): void => undefined;
  const subscription = nc.subscribe(inbox, {
    callback: (error, message) => {
      acknowledged++;
      if (error !== null) failure ??= error;
      else {
        // The common answer has a sequence and no error; it is only read closely when it does not look like that.
        const answer = message.string();
        if (!answer.includes(`"seq":${acknowledged}`))
          failure ??= new Error(`commit ${acknowledged}: the server answered ${answer}`);
      }
      wake();
    },
  });
  const until = async (isSo: () => boolean): Promise<void> => {
    while (!isSo() && failure === undefined) await new Promise<void>((resolve) => (wake = resolve));
    if (failure !== undefined) throw failure;
  };
  try {
    for (const { aggregate, seq, by, events } of commits) {
      const subject = subjects.journal(aggregate);
      const head = heads.get(subject) ?? START;
      if (seq <= afterSeq) {
        heads.set(subject, { seq, digest: undefined });
        continue;
      }
      const payload = encoder.encode(JSON.stringify({ by, events }));
      const own = signer?.keyOf(WRITER_OF[aggregate.kind]);
      if (own === undefined) throw new Error(`nobody here signs ${aggregate.kind}`);
      const { header, digest } = sealCommit(own, {
        ...{ subject, payload, expectedSeq: head.seq, predecessor: head.digest },
        readSeq: seq - 1,
      });
      heads.set(subject, { seq, digest });
      const hdrs = headers();
      hdrs.set(EXPECTED, String(head.seq));
      hdrs.set(SIGNATURE_HEADER, header);
      nc.publish(subject, payload, { headers: hdrs, reply: inbox });
      sent = seq;
      if (sent - acknowledged >= inFlight) await until(() => sent - acknowledged <= inFlight / 2);
      if (seq % 10_000 === 0) onProgress?.(seq);
    }
    await until(() => acknowledged >= sent);
  } finally {
    subscription.unsubscribe();
  }
}

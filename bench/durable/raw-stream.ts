import { createHash } from 'node:crypto';
import { connect, headers, RetentionPolicy, StorageType } from 'nats';

/** A stream set up as the journal's is, written to without the journal's code. */
export interface RawStream {
  /**
   * Stores one message and waits until it is on disk.
   * @param expectedSeq sequence of the subject's last message, 0 for none.
   * @param signature header's value, when there is one.
   * @returns the message's sequence.
   */
  append(subject: string, expectedSeq: number, payload: Uint8Array, signature?: string): Promise<number>;
  close(): Promise<void>;
}

export async function journalLikeStream(url: string): Promise<RawStream> {
  const connection = await connect({ servers: url });
  const manager = await connection.jetstreamManager();
  await manager.streams.add({
    name: 'bench',
    subjects: ['bench.>'],
    storage: StorageType.File,
    retention: RetentionPolicy.Limits,
    allow_direct: true,
    deny_delete: true,
    deny_purge: true,
  });
  const stream = connection.jetstream();
  return {
    async append(subject, expectedSeq, payload, signature) {
      const digest = createHash('sha256').update(payload).digest('hex');
      const signed = headers();
      if (signature !== undefined) signed.set('Conclave-Signature', signature);
      const { seq } = await stream.publish(`bench.${subject}`, payload, {
        msgID: `${subject}|${expectedSeq}|${digest}`,
        expect: { lastSubjectSequence: expectedSeq },
        ...(signature === undefined ? {} : { headers: signed }),
      });
      return seq;
    },
    close: () => connection.close(),
  };
}

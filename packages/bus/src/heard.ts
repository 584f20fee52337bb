import { STREAMS } from '@conclave/contracts';
import { z } from 'zod';
import { asConclaveError, isUnanswered, jsApi, type Native } from './native.ts';

const streamState = z.object({ state: z.object({ last_seq: z.number() }) });

/** Time after which what was heard of the journal's end is asked for again, milliseconds. */
const LATELY_MS = 1000;
/** Longest wait for that, milliseconds. */
const ASK_MS = 500;
/** Commits whose digest is remembered. */
const MOST_DIGESTS = 5000;

/** What this process has heard of the journal lately: what its next commit can say of itself. */
export interface Heard {
  /** Notes a message of the journal; `isLast`: nothing stood behind it a moment ago. */
  note(seq: number, isLast: boolean): void;
  noteCommit(subject: string, seq: number, digest: string): void;
  /** Digest of the commit at that place; undefined when it is not remembered. */
  digestOf(subject: string, seq: number): string | undefined;
  /** A sequence of the journal that was its last one about a second ago or later. */
  readSeq(): Promise<number>;
}

const heard = new WeakMap<Native, Heard>();

export function heardOf(native: Native): Heard {
  const known = heard.get(native);
  if (known !== undefined) return known;
  const made = makeHeard(native);
  heard.set(native, made);
  return made;
}

function makeHeard(native: Native): Heard {
  let last = 0;
  let atMs = Number.NEGATIVE_INFINITY;
  const digests = new Map<string, { seq: number; digest: string }>();
  return {
    note(seq, isLast) {
      last = Math.max(last, seq);
      if (isLast) atMs = performance.now();
    },
    noteCommit(subject, seq, digest) {
      digests.delete(subject);
      digests.set(subject, { seq, digest });
      if (digests.size > MOST_DIGESTS) for (const oldest of digests.keys()) return void digests.delete(oldest);
    },
    digestOf(subject, seq) {
      const known = digests.get(subject);
      return known?.seq === seq ? known.digest : undefined;
    },
    async readSeq() {
      if (performance.now() - atMs > LATELY_MS) {
        try {
          const { state } = await jsApi(native, `STREAM.INFO.${STREAMS.journal}`, undefined, streamState, ASK_MS);
          last = Math.max(last, state.last_seq);
          atMs = performance.now();
        } catch (error) {
          // Who is not answered says what it heard last: the append itself will wait for an answer.
          if (!isUnanswered(error)) throw asConclaveError(error, 'read the end of the journal');
        }
      }
      return last;
    },
  };
}

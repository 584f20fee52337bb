import type { KeyObject } from 'node:crypto';
import { type Commit, WRITER_OF } from '@conclave/contracts';
import type { Quarantined } from '../ports/quarantined.ts';
import type { StreamMessage } from '../pull.ts';
import { Admission, type AdmissionState } from '../signing/admission.ts';
import type { Keyring } from '../signing/keyring.ts';
import { isGood, isGoodLater } from '../signing/signature.ts';
import { aggregateNamed, readBody, readSeal, type SealedCommit } from './commit-seal.ts';

/** Above this many signatures the thread pool checks them. */
const FEW = 2;

/** What a message of the journal turned out to be. */
export type ReadMessage =
  | { readonly kind: 'commit'; readonly commit: Commit; readonly digest: string }
  | { readonly kind: 'quarantined'; readonly quarantined: Quarantined };

/** A candidate: everything about it holds that holds without its signature. */
interface Candidate {
  readonly sealed: SealedCommit;
  readonly key: KeyObject;
}

/**
 * Tells commits from what only lies on a subject of the journal. All messages of the subjects it follows go through one of these, in
 * order; every reader passes over the same ones.
 */
export class CommitReader {
  readonly #keyring: Keyring;
  readonly #admission: Admission;

  constructor(keyring: Keyring, state?: AdmissionState, freshCommits?: number) {
    this.#keyring = keyring;
    this.#admission = new Admission(state, freshCommits);
  }

  get state(): AdmissionState {
    return this.#admission.state();
  }

  /** Decides on each message only when it is asked for: `state` is then that behind exactly this message. */
  async read(messages: readonly StreamMessage[]): Promise<Iterable<ReadMessage>> {
    const candidates = messages.map((message) => this.#candidate(message));
    const genuine = await checkSignatures(candidates);
    return messages.values().map((message, index) => this.#decide(message, candidates[index], genuine.has(index)));
  }

  #candidate(message: StreamMessage): Candidate | string {
    const sealed = readSeal(message);
    if (typeof sealed === 'string') return sealed;
    const key = this.#keyring.find(sealed.claim.publicNkey, [WRITER_OF[sealed.aggregate.kind]], message.storedAt);
    return typeof key === 'string' ? key : { sealed, key };
  }

  #decide(message: StreamMessage, candidate: Candidate | string | undefined, isGenuine: boolean): ReadMessage {
    const { subject, streamSeq: seq, storedAt, data } = message;
    const refuse = (reason: string): ReadMessage => ({
      kind: 'quarantined',
      quarantined: { stream: 'journal', subject, seq, storedAt, reason, bytes: data },
    });
    if (candidate === undefined || typeof candidate === 'string' || !isGenuine) {
      this.#admission.pass(subject, seq, aggregateNamed(subject)?.kind);
      return refuse(typeof candidate === 'string' ? candidate : 'its signature is not good');
    }
    const { aggregate, expectedSeq, readSeq, digestText } = candidate.sealed;
    const reason = this.#admission.admit({
      kind: aggregate.kind,
      subject,
      seq,
      expectedSeq,
      readSeq,
      digest: digestText,
    });
    if (reason !== undefined) return refuse(reason);
    const body = readBody(message);
    if (typeof body === 'string') return refuse(body);
    const { by, fence, events } = body;
    return { kind: 'commit', commit: { aggregate, seq, storedAt, by, fence, events }, digest: digestText };
  }
}

/**
 * Indices of the candidates whose signature is good. One on which a later genuine one says it stands needs no check of its own: the writer
 * checked it, and signed its digest.
 */
async function checkSignatures(candidates: readonly (Candidate | string)[]): Promise<ReadonlySet<number>> {
  const vouchers = findVouchers(candidates);
  const genuine = new Set<number>();
  const open = candidates.flatMap((one, index) =>
    typeof one === 'string' || vouchers.has(index) ? [] : [{ one, index }],
  );
  await Promise.all(
    open.map(async ({ one: { sealed, key }, index }) => {
      const good =
        open.length <= FEW
          ? isGood(sealed.claim, key, sealed.digest)
          : await isGoodLater(sealed.claim, key, sealed.digest);
      if (good) genuine.add(index);
    }),
  );
  for (const [index, voucher] of [...vouchers].sort(([a], [b]) => b - a)) {
    const one = candidates[index];
    if (one === undefined || typeof one === 'string') continue;
    if (genuine.has(voucher) || isGood(one.sealed.claim, one.key, one.sealed.digest)) genuine.add(index);
  }
  return genuine;
}

/** For each candidate the next one on its subject, where that names its digest. */
function findVouchers(candidates: readonly (Candidate | string)[]): Map<number, number> {
  const next = new Map<string, number>();
  const vouchers = new Map<number, number>();
  for (let index = candidates.length - 1; index >= 0; index--) {
    const one = candidates[index];
    if (one === undefined || typeof one === 'string') continue;
    const { subject } = one.sealed.message;
    const later = next.get(subject);
    const follower = later === undefined ? undefined : candidates[later];
    if (
      later !== undefined &&
      follower !== undefined &&
      typeof follower !== 'string' &&
      follower.sealed.predecessor === one.sealed.digestText &&
      follower.sealed.expectedSeq === one.sealed.message.streamSeq
    )
      vouchers.set(index, later);
    next.set(subject, index);
  }
  return vouchers;
}

/**
 * A lease: at most one holder at a time, as seen by the holders themselves.
 *
 * 1. The entry expires on the server `ttl` after it was last stored. The holder reckons from the moment *before* it sent that renewal, on its
 *    monotonic clock, and stops `margin` earlier: so it has stopped before anybody else can start.
 * 2. `isHeld` compares clocks when asked. It needs no timer, so a process that was frozen or starved past its deadline answers false first
 *    and hears of the loss afterwards. Wall-clock time counts as well: the monotonic clock stands still while a machine is suspended.
 * 3. The fence is the acquisition's revision in the bucket. Revisions only grow, so each acquisition has a higher fence than all before.
 * 4. Renewal and release compare revisions: a holder that was overtaken can neither prolong nor remove its successor's entry.
 * 5. A renewal without an answer does not move the deadline. If it was stored all the same, the entry carries this acquisition's token and
 *    its revision is taken over; the deadline stays and the next renewal follows at once.
 * 6. A lost lease stays lost: acquiring again makes another Lease with another fence.
 */
import { randomUUID } from 'node:crypto';
import { BUCKETS, encodeToken, messageOf } from '@conclave/contracts';
import { z } from 'zod';
import { kvDelete, kvGet, kvPut } from './kv.ts';
import { isPermissionDenied, JS_ERROR, jsErrorCode, type Native, nativeOf, pause } from './native.ts';
import type { Bus } from './ports/connection.ts';
import type { Lease, LeaseHandle, LeaseOptions } from './ports/lease.ts';
import { bucketTtlMs } from './topology.ts';

const entry = z.object({ holder: z.string(), token: z.string() });

/** Competes for a lease until released: acquires it when it is free, renews it every third of its life. */
export function holdLease(bus: Bus, options: LeaseOptions): LeaseHandle {
  return new LeaseKeeper(nativeOf(bus), options);
}

interface Held {
  readonly lease: Lease;
  readonly token: string;
  revision: number;
  /** Both clocks' readings from which on the lease is not held. */
  deadline: { monotonicMs: number; wallMs: number };
  lost: boolean;
}

class LeaseKeeper implements LeaseHandle {
  readonly #native: Native;
  readonly #options: LeaseOptions;
  readonly #key: string;
  readonly #stopping = new AbortController();
  readonly #done: Promise<void>;
  #ttlMs: number;
  #held: Held | undefined;

  constructor(native: Native, options: LeaseOptions) {
    this.#native = native;
    this.#options = options;
    this.#key = encodeToken(options.name);
    this.#ttlMs = options.ttlMs;
    this.#done = this.#run();
  }

  get current(): Lease | undefined {
    const held = this.#held;
    return held?.lease.isHeld() === true ? held.lease : undefined;
  }

  async release(): Promise<void> {
    this.#stopping.abort();
    await this.#done;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        if (this.#held === undefined) await this.#campaign(signal);
        else await this.#renew(this.#held, signal);
      } catch (error) {
        const level = isPermissionDenied(error) ? 'error' : 'warn';
        this.#native.logger[level]({ lease: this.#options.name, reason: messageOf(error) }, 'lease');
        await pause(this.#retryMs(), signal);
      }
      if (this.#held !== undefined && !this.#held.lease.isHeld())
        this.#lose(this.#held, 'it could not be renewed in time');
    }
    await this.#giveBack();
  }

  #retryMs(): number {
    return Math.min(500, Math.max(25, this.#ttlMs / 20));
  }

  async #campaign(signal: AbortSignal): Promise<void> {
    if (!this.#native.isConnected()) return await pause(this.#retryMs(), signal);
    // The bucket's life may differ from the configured one; the shorter is safe for the holder, whichever the server applies.
    this.#ttlMs = Math.min(this.#options.ttlMs, await bucketTtlMs(this.#native, BUCKETS.leases));
    const present = await kvGet(this.#native, BUCKETS.leases, this.#key);
    if (present?.value !== undefined) return await pause(this.#retryMs(), signal);
    const token = randomUUID();
    const deadline = this.#deadlineFromNow();
    const written = await this.#write(token, present?.revision ?? 0);
    if (written === undefined) return await pause(this.#retryMs(), signal);
    this.#acquired(token, written.revision, deadline);
  }

  /** The entry's revision, or undefined when it is another's. `now`: this very write was stored; else an earlier, unanswered one was. */
  async #write(token: string, expectedRevision: number): Promise<{ revision: number; now: boolean } | undefined> {
    const value = new TextEncoder().encode(JSON.stringify({ holder: this.#options.holder, token }));
    try {
      const revision = await kvPut(this.#native, BUCKETS.leases, this.#key, value, {
        expectedRevision,
        deadlineMs: this.#ttlMs / 3,
      });
      return { revision, now: true };
    } catch (error) {
      if (
        jsErrorCode(error) !== JS_ERROR.wrongLastSequence &&
        jsErrorCode(error) !== JS_ERROR.wrongLastSequenceInFlight
      )
        throw error;
      const present = await kvGet(this.#native, BUCKETS.leases, this.#key);
      return present?.value !== undefined && tokenOf(present.value) === token
        ? { revision: present.revision, now: false }
        : undefined;
    }
  }

  #deadlineFromNow(): Held['deadline'] {
    const life = this.#ttlMs - (this.#options.marginMs ?? this.#ttlMs / 6);
    return { monotonicMs: performance.now() + life, wallMs: Date.now() + life };
  }

  #acquired(token: string, revision: number, deadline: Held['deadline']): void {
    const lease: Lease = {
      fence: revision,
      holder: this.#options.holder,
      isHeld: () => !held.lost && performance.now() < held.deadline.monotonicMs && Date.now() < held.deadline.wallMs,
    };
    const held: Held = { lease, token, revision, deadline, lost: false };
    if (!lease.isHeld()) return;
    this.#held = held;
    this.#native.logger.info({ lease: this.#options.name, fence: revision }, 'lease acquired');
    this.#options.onAcquired(lease);
  }

  /** Waits until a third of the life is over (or the deadline, whichever is first), then renews. */
  async #renew(held: Held, signal: AbortSignal): Promise<void> {
    const untilDeadline = held.deadline.monotonicMs - performance.now();
    const life = this.#ttlMs - (this.#options.marginMs ?? this.#ttlMs / 6);
    const sinceRenewal = life - untilDeadline;
    await pause(Math.max(0, Math.min(this.#ttlMs / 3 - sinceRenewal, untilDeadline)), signal);
    if (signal.aborted || !held.lease.isHeld()) return;
    if (!this.#native.isConnected()) return await pause(Math.min(this.#retryMs(), untilDeadline), signal);
    const deadline = this.#deadlineFromNow();
    const written = await Promise.race([this.#write(held.token, held.revision), this.#deadlineOf(held)]);
    if (written === undefined) return this.#lose(held, 'another holder has taken it');
    held.revision = written.revision;
    if (written.now) held.deadline = deadline;
  }

  async #deadlineOf(held: Held): Promise<never> {
    await pause(Math.max(0, held.deadline.monotonicMs - performance.now()));
    throw new Error('no answer to the renewal before the deadline');
  }

  #lose(held: Held, reason: string): void {
    if (held.lost) return;
    held.lost = true;
    this.#held = undefined;
    this.#native.logger.warn({ lease: this.#options.name, fence: held.lease.fence, reason }, 'lease lost');
    this.#options.onLost(reason);
  }

  async #giveBack(): Promise<void> {
    const held = this.#held;
    if (held === undefined) return;
    this.#lose(held, 'released');
    try {
      await kvDelete(this.#native, BUCKETS.leases, this.#key, { expectedRevision: held.revision, deadlineMs: 1000 });
    } catch (error) {
      this.#native.logger.warn(
        { lease: this.#options.name, reason: messageOf(error) },
        'lease not given back; it expires by itself',
      );
    }
  }
}

function tokenOf(value: Uint8Array): string | undefined {
  const parsed = entry.safeParse(JSON.parse(new TextDecoder().decode(value)));
  return parsed.success ? parsed.data.token : undefined;
}

import { setTimeout as pause } from 'node:timers/promises';
import { type Bus, holdLease, type Lease } from '@conclave/bus';
import { aggregates, isConclaveError } from '@conclave/contracts';
import { sayUnread, type UnreadCommit, unreadOf } from '@conclave/core';
import { type Health, receiving } from '@conclave/service';
import { type Leadership, type LeadershipParts, lead } from './leadership.ts';
import { nextEpoch } from './term.ts';

/** How long ending a term may take, in milliseconds, while NATS may be away. */
const END_MS = 5000;
const RETRY_MS = 500;

export interface TermsParts extends LeadershipParts {
  readonly bus: Bus;
  readonly health: Health;
  /** Ends the process: something is in a state that only a new start mends. */
  halt(error: unknown): void;
}

/**
 * Terms of leadership, one after the other, for as long as this replica lives.
 * 1. A new term starts only when the last has wound down.
 * 2. A term that cannot start, for instance while NATS comes back, is tried again while the lease is held: a holder that does not lead
 *    would keep everybody else from leading.
 * 3. A term that does not end leaves endpoints behind that answer in its name: the process then starts anew.
 * 4. Who cannot read the schedule does not stand: whatever it decided there could undo what a later version did. Everything else that a
 *    replica answers, such as an abort, goes on.
 */
export function standForLeader(parts: TermsParts): { stop(): Promise<void> } {
  const { bus, journal, follower, health, log, options, instance } = parts;
  let term: Promise<Leadership | undefined> = Promise.resolve(undefined);
  const unread = (): UnreadCommit | undefined => unreadOf(follower.world, aggregates.schedule);

  const begin = async (held: Lease): Promise<Leadership | undefined> => {
    // One for all attempts: a term that cannot start says only once in the journal that it leads.
    let epoch: number | undefined;
    while (held.isHeld() && unread() === undefined) {
      try {
        epoch ??= await nextEpoch(journal, follower);
        const leadership = await lead({ lease: held, epoch }, parts);
        log.info({ epoch }, 'leading');
        for (const [name, receiver] of Object.entries(leadership.receivers))
          health.register(name, receiving(bus, receiver));
        return leadership;
      } catch (error) {
        if (isConclaveError(error, 'CVE_FENCED')) epoch = undefined;
        log.error({ err: error }, 'this term could not start; trying again');
        await pause(RETRY_MS);
      }
    }
    return undefined;
  };
  const end = async (leadership: Leadership | undefined): Promise<undefined> => {
    if (leadership === undefined) return;
    for (const name of Object.keys(leadership.receivers)) health.unregister(name);
    const late = setTimeout(() => parts.halt(new Error(`the last term did not end within ${END_MS} ms`)), END_MS);
    await leadership.stop().catch(parts.halt);
    clearTimeout(late);
  };

  const lease = holdLease(bus, {
    name: 'coordinator',
    holder: instance,
    ttlMs: options.leaseTtlMs,
    onAcquired(held) {
      term = term.then(() => begin(held));
    },
    onLost(reason) {
      log.info({ reason }, 'no longer leading');
      term = term.then(end);
    },
  });
  let resigned: Promise<void> | undefined;
  const resign = async (): Promise<void> => {
    stopWatching();
    term = term.then(end);
    await term;
    await lease.release();
  };
  const watch = (): void => {
    const commit = unread();
    if (commit === undefined || resigned !== undefined) return;
    const reason = `${sayUnread('schedule', commit)}: this coordinator does not lead until it is upgraded`;
    log.error({ reason }, 'the lease is left to another');
    health.register('leadership', () => ({ ok: true, detail: `CVE_JOURNAL_UNKNOWN_EVENT: ${reason}` }));
    resigned = resign().catch(parts.halt);
  };
  const stopWatching = follower.onCommit(watch);
  watch();
  return { stop: () => (resigned ??= resign()) };
}

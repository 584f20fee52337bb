import { setTimeout as pause } from 'node:timers/promises';
import { ConclaveError, isConclaveError, type MeetingPhase, messageOf, type Speaker } from '@conclave/contracts';
import type { Clock } from '@conclave/service';
import type { Ask, Contribution, Seat } from '../advisors/advisor.ts';
import { rolloutsToVoteOn } from '../brief/schema.ts';
import { boundedReason, boundedTurn } from './bounded-turn.ts';

/** Longest pause before the second attempt, in milliseconds; a longer wish of the vendor makes the advisor absent. */
const LONGEST_PAUSE_MS = 60_000;

/** Pause before the second attempt where the vendor names none, in milliseconds. Half of it is drawn, so that seats do not come back together. */
const PAUSE_MS = 2000;

export type Answer =
  | { readonly said: Contribution; readonly speaker: Speaker | undefined; readonly durationMs: number }
  | { readonly absent: string };

/** How the pause before a second attempt passes; tests pass it at once. */
export interface Patience {
  pause(ms: number, signal: AbortSignal): Promise<void>;
  /** From 0 to 1. */
  random(): number;
}

export const realPatience: Patience = {
  pause: (ms, signal) => pause(ms, undefined, { signal }).catch(() => undefined),
  random: Math.random,
};

/**
 * Asks one seat for one turn, once more and after a pause where the error may pass; what timed out is not asked again, it would use up the
 * others' time. What it said is cut to a size that fits the record.
 * Never rejects but when the service stops: a seat that cannot speak before `ask.signal` is aborted is absent, with the reason.
 * @throws CVE_CANCELLED when `stopping` is aborted.
 */
export async function askSeat(
  seat: Seat,
  ask: Ask,
  stopping: AbortSignal,
  clock: Pick<Clock, 'monotonicMs'>,
  patience: Patience = realPatience,
): Promise<Answer> {
  if ('absent' in seat) return { absent: boundedReason(seat.absent) };
  const askedAt = clock.monotonicMs();
  for (let attempt = 1; ; attempt++) {
    const startedAt = clock.monotonicMs();
    try {
      const turn = await untilAborted(seat.speak(ask), ask.signal);
      const said = checked(ask, boundedTurn(turn));
      return { said, speaker: turn.speaker, durationMs: Math.round(clock.monotonicMs() - startedAt) };
    } catch (error) {
      if (stopping.aborted) throw cancelled(ask.phase);
      if (ask.signal.aborted) return { absent: outOfTime(ask.phase, clock.monotonicMs() - askedAt).message };
      const absent = boundedReason(messageOf(error));
      if (attempt === 2 || !isConclaveError(error) || error.retry !== 'retryable') return { absent };
      const pauseMs = pauseBefore(error.retryAfterMs, patience.random());
      const leftMs = (ask.endsAt ?? Number.POSITIVE_INFINITY) - clock.monotonicMs();
      if (pauseMs > Math.min(LONGEST_PAUSE_MS, leftMs)) return { absent };
      await patience.pause(pauseMs, ask.signal);
      if (stopping.aborted) throw cancelled(ask.phase);
      if (ask.signal.aborted) return { absent };
    }
  }
}

function pauseBefore(asked: number | undefined, random: number): number {
  return asked === undefined ? PAUSE_MS * (0.5 + 0.5 * random) : asked * (1 + 0.25 * random);
}

/** True for an absence whose reason is a timeout, the vendor's or the phase's: the reason begins with the error's code. */
export function hasTimedOut({ reason }: { readonly reason: string }): boolean {
  return reason.startsWith('CVE_CHAT_TIMEOUT');
}

function outOfTime(phase: MeetingPhase, afterMs: number): ConclaveError {
  return new ConclaveError(
    'CVE_CHAT_TIMEOUT',
    `no answer in the ${(afterMs / 1000).toFixed(1)} s that the ${phase} phase had; raise pace.meetingDeadlineSeconds or choose a faster model`,
  );
}

function cancelled(phase: MeetingPhase): ConclaveError {
  return new ConclaveError(
    'CVE_CANCELLED',
    `the ${phase} phase was cut short; the meeting's record shows how far it came`,
  );
}

/** An advisor may hang in a vendor's SDK: the meeting does not. */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(new ConclaveError('CVE_CANCELLED', 'the time of this turn is over'));
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** Ballots only in their phase and only on rollouts of the brief; decisions only in the synthesis. */
function checked(ask: Ask, said: Contribution): Contribution {
  const known = new Set(rolloutsToVoteOn(ask.brief).map((rollout) => rollout.rolloutId));
  return {
    text: said.text,
    ballots: ask.phase === 'ballot' ? said.ballots.filter((ballot) => known.has(ballot.rolloutId)) : [],
    actions: said.actions,
    decisions: ask.phase === 'synthesis' ? said.decisions : [],
  };
}

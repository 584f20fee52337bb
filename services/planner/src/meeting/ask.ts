import { setTimeout as pause } from 'node:timers/promises';
import { ConclaveError, isConclaveError, type MeetingPhase, messageOf } from '@conclave/contracts';
import { type Ask, type Contribution, contribution, type Seat } from '../advisors/advisor.ts';
import { rolloutsToVoteOn } from '../brief/schema.ts';

/** Longest pause before the second attempt, in milliseconds; a longer wish of the vendor makes the advisor absent. */
const LONGEST_PAUSE_MS = 60_000;

export type Answer = { readonly said: Contribution; readonly durationMs: number } | { readonly absent: string };

/**
 * Asks one seat for one turn, once more after an error that may pass; what timed out is not asked again, it would use up the others' time.
 * Never rejects but when the service stops: a seat that cannot speak before `ask.signal` is aborted is absent, with the reason.
 * @throws CVE_CANCELLED when `stopping` is aborted.
 */
export async function askSeat(seat: Seat, ask: Ask, stopping: AbortSignal): Promise<Answer> {
  if ('absent' in seat) return { absent: seat.absent };
  const askedAt = performance.now();
  for (let attempt = 1; ; attempt++) {
    const startedAt = performance.now();
    try {
      const said = checked(ask, contribution.parse(await untilAborted(seat.speak(ask), ask.signal)));
      return { said, durationMs: Math.round(performance.now() - startedAt) };
    } catch (error) {
      if (stopping.aborted) throw cancelled(ask.phase);
      if (ask.signal.aborted) return { absent: outOfTime(ask.phase, performance.now() - askedAt).message };
      const pauseMs = isConclaveError(error) ? (error.retryAfterMs ?? 0) : 0;
      const mayPass = isConclaveError(error) && error.retry === 'retryable';
      if (attempt === 2 || !mayPass || pauseMs > LONGEST_PAUSE_MS) return { absent: messageOf(error) };
      await pause(pauseMs, undefined, { signal: ask.signal }).catch(() => undefined);
      if (stopping.aborted) throw cancelled(ask.phase);
      if (ask.signal.aborted) return { absent: messageOf(error) };
    }
  }
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

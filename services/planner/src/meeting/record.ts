import type { Journal } from '@conclave/bus';
import { aggregates, isConclaveError, type MeetingEvent, parseCommit } from '@conclave/contracts';
import { foldMeeting, initialMeeting, type Meeting } from '@conclave/core';

/**
 * The journal of one meeting.
 *
 * 1. Appends are one at a time and carry the sequence last read.
 * 2. Event ids are the same for every planner, so after each append the aggregate is read again: what stands there is
 *    the record, whoever wrote it.
 * 3. After a conflict the event is written only if it is still wanted; else the other planner's stands.
 */
export class MeetingRecord {
  readonly #journal: Pick<Journal, 'append' | 'read'>;
  #meeting: Meeting;
  #tail: Promise<void> = Promise.resolve();

  constructor(journal: Pick<Journal, 'append' | 'read'>, meetingId: string) {
    this.#journal = journal;
    this.#meeting = initialMeeting(meetingId);
  }

  /** The meeting as last read. */
  get meeting(): Meeting {
    return this.#meeting;
  }

  /** Reads what was added since. @throws CVE_JOURNAL_UNKNOWN_EVENT */
  async refresh(): Promise<Meeting> {
    const aggregate = aggregates.meeting(this.#meeting.meetingId);
    for (const commit of await this.#journal.read(aggregate, { afterSeq: this.#meeting.seq })) {
      this.#meeting = foldMeeting(this.#meeting, parseCommit('meetings', commit));
    }
    return this.#meeting;
  }

  /** Appends one event while `isWanted` says so of the meeting as it stands; resolves when the record has been read again. */
  append(event: MeetingEvent, isWanted: (meeting: Meeting) => boolean): Promise<void> {
    const done = this.#tail.then(() => this.#appendNow(event, isWanted));
    this.#tail = done.catch(() => undefined);
    return done;
  }

  async #appendNow(event: MeetingEvent, isWanted: (meeting: Meeting) => boolean): Promise<void> {
    const aggregate = aggregates.meeting(this.#meeting.meetingId);
    while (isWanted(this.#meeting)) {
      try {
        await this.#journal.append(aggregate, this.#meeting.seq, [event]);
      } catch (error) {
        if (!isConclaveError(error, 'CVE_JOURNAL_CONFLICT')) throw error;
      }
      await this.refresh();
    }
  }
}

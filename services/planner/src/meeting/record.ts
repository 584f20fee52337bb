import type { Journal } from '@conclave/bus';
import { aggregates, type MeetingEvent } from '@conclave/contracts';
import { foldMeeting, initialMeeting, type Meeting } from '@conclave/core';
import { type AggregateWriter, openAggregate, writeAggregate } from '@conclave/service';

/**
 * The journal of one meeting. Event ids are the same for every planner, so what stands there is the record, whoever wrote it; after a
 * conflict an event is written only if it is still wanted.
 */
export class MeetingRecord {
  readonly #writer: AggregateWriter<Meeting>;

  private constructor(writer: AggregateWriter<Meeting>) {
    this.#writer = writer;
  }

  /** @throws CVE_JOURNAL_UNKNOWN_EVENT, CVE_BUS_UNAVAILABLE */
  static async open(journal: Pick<Journal, 'append' | 'read'>, meetingId: string): Promise<MeetingRecord> {
    const own = await openAggregate(journal, aggregates.meeting(meetingId), {
      initial: initialMeeting(meetingId),
      fold: foldMeeting,
      unread: 'refuse',
    });
    return new MeetingRecord(writeAggregate(journal, own));
  }

  /** The meeting as last read. */
  get meeting(): Meeting {
    return this.#writer.state;
  }

  /** Appends one event if `isWanted` says so of the meeting as it stands; resolves when the record includes it, or the other planner's. */
  async append(event: MeetingEvent, isWanted: (meeting: Meeting) => boolean): Promise<void> {
    await this.#writer.commit((meeting) => (isWanted(meeting) ? [event] : []));
  }
}

import { type Meeting, oneLine } from '@conclave/core';
import type { Command } from 'commander';
import { columns, dim, style, when } from '../output/text.ts';
import { transcript } from '../output/transcript.ts';
import { type MeetingSummary, readMeeting, readMeetings } from '../record/meetings.ts';
import { addPageOptions, type PageOptions, pageOf, readPage } from '../record/paging.ts';
import type { WithSession } from '../session.ts';

/** Meetings of any age, from the journal. */
export function addMeetings(program: Command, withSession: WithSession): void {
  const meeting = program.command('meeting').alias('meetings').description('planning meetings on record, of any age');
  addPageOptions(meeting.command('list'))
    .description('the newest meetings: when, why, how they ended')
    .action(async (options: PageOptions) => {
      const page = readPage(options);
      await withSession(async ({ bus, answer }) => {
        const { shown, older } = pageOf(await readMeetings(bus), ({ openedAt }) => openedAt, page);
        answer({ meetings: shown, older }, listText(shown, older));
      });
    });
  meeting
    .command('show')
    .argument('<id>', 'as meetings list shows it')
    .option('--transcript', 'everything that was said, as Markdown')
    .description('one meeting: who spoke, what was decided and planned; with --transcript every word')
    .action(async (meetingId: string, options: { transcript?: boolean }) => {
      await withSession(async ({ bus, answer }) => {
        const found = await readMeeting(bus, meetingId);
        const text = transcript(found);
        if (options.transcript === true) answer({ ...found, transcript: text }, text);
        else answer(found, transcript(outline(found)));
      });
    });
}

/** Without the speeches: who spoke, with the ballots. */
function outline(meeting: Meeting): Meeting {
  const turns = meeting.turns.filter(({ ballots }) => ballots.length > 0);
  return { ...meeting, turns };
}

function listText(meetings: readonly MeetingSummary[], older: number): string {
  if (meetings.length === 0) return 'no such meeting on record';
  const rows = meetings.map((m) => [
    m.meetingId,
    dim(when(m.openedAt)),
    outcomeText(m.outcome),
    `${(m.reason ?? '').replaceAll('_', ' ')}${m.detail === '' ? '' : dim(`: ${oneLine(m.detail)}`)}`,
    dim(m.absent.length === 0 ? `${m.actions} actions` : `${m.actions} actions, absent: ${m.absent.join(', ')}`),
  ]);
  const last = meetings.at(-1)?.openedAt ?? '';
  return [columns(rows), ...(older === 0 ? [] : [dim(`${older} older: --before ${last}`)])].join('\n');
}

function outcomeText(outcome: string): string {
  return style(outcome === 'decided' ? 'green' : outcome === 'in_session' ? 'cyan' : 'yellow', outcome);
}

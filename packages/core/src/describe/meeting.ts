import type { EventOfKind } from '@conclave/contracts';
import { detail, info, type Said, sayTally, warn } from './said.ts';
import { actionCounts, cut, spaced, speakerLabel, stageLabel, voteLabel } from './words.ts';

export function sayMeeting(event: EventOfKind['meetings']): Said | readonly Said[] {
  switch (event.type) {
    case 'meeting.opened':
      return info(
        `meeting ${event.data.meetingId} opened: ${spaced(event.data.reason)}${event.data.detail === '' ? '' : `, ${event.data.detail}`}`,
        '#',
      );
    case 'meeting.turn_taken': {
      const { role, phase, speaker, text, ballots = [] } = event.data;
      if (ballots.length === 0) return detail(`${role}, ${speakerLabel(speaker)}, ${phase}: ${cut(text)}`);
      return ballots.map((b) => {
        const line = `${role} votes ${voteLabel(b.vote)}: ${cut(b.reason)}`;
        return b.vote === 'go' ? info(line, '+') : b.vote === 'no_go' ? warn(line, '-') : info(line, '~');
      });
    }
    case 'meeting.advisor_absent':
      return warn(`${event.data.role} absent in ${event.data.phase}: ${event.data.reason}`);
    case 'meeting.closed': {
      const { meetingId, outcome, decisions, dissent, handoff, summary } = event.data;
      const head = `meeting ${meetingId} closed: ${spaced(outcome)}${summary === '' ? '' : `, ${cut(summary)}`}`;
      const lines: Said[] = [outcome === 'decided' ? info(head, '#') : warn(head)];
      for (const d of decisions) {
        const step = `${d.model} ${d.version} ${stageLabel(d.stage)}${d.toStage === undefined ? '' : ` -> ${stageLabel(d.toStage)}`}`;
        const said = sayTally(step, d);
        lines.push({ ...said, text: `${said.text}: ${cut(d.reason)}` });
      }
      for (const text of dissent) lines.push(warn(`dissent: ${cut(text)}`));
      if (handoff !== undefined) lines.push(detail(`plan: ${actionCounts(handoff.actions)}`));
      return lines;
    }
  }
}

import { type Meeting, speakerLabel } from '@conclave/core';

/** A meeting in a list. */
export function meetingSummary(meeting: Meeting) {
  const { closed } = meeting;
  return {
    meetingId: meeting.meetingId,
    reason: meeting.reason ?? null,
    detail: meeting.detail,
    openedAt: meeting.openedAt ?? null,
    closedAt: closed?.at ?? null,
    outcome: closed?.outcome ?? 'in_session',
    summary: closed?.summary ?? '',
    decisions: closed?.decisions ?? [],
    dissent: closed?.dissent ?? [],
    actions: closed?.handoff?.actions.length ?? 0,
    advisors: [...new Set(meeting.turns.map((t) => t.role))].length,
    absent: [...new Set(meeting.absences.map((a) => a.role))],
    adapters: [...new Set(meeting.turns.map((t) => speakerLabel(t.speaker)))],
  };
}

/** The whole transcript. */
export function meetingTranscript(meeting: Meeting) {
  return {
    ...meetingSummary(meeting),
    deadline: meeting.deadline ?? null,
    brief: meeting.brief ?? null,
    turns: meeting.turns.map((turn) => ({
      phase: turn.phase,
      role: turn.role,
      at: turn.at,
      adapter: turn.speaker.adapter,
      speaker: speakerLabel(turn.speaker),
      text: turn.text,
      ballots: turn.ballots,
      durationMs: turn.durationMs,
    })),
    absences: meeting.absences,
    handoff: meeting.closed?.handoff ?? null,
  };
}

/** Newest first. */
export function byOpening(a: Meeting, b: Meeting): number {
  return (a.openedAt ?? '') < (b.openedAt ?? '') ? 1 : -1;
}

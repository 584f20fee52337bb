import { h } from './dom.js';
import { ago, dateTime, stageName, title, words } from './format.js';
import { tally } from './rollout.js';

const OUTCOMES = {
  decided: ['pass', '✓ decided'],
  in_session: ['running', '… in session'],
  no_quorum: ['inconclusive', '! no quorum'],
  deadline_passed: ['inconclusive', '! deadline passed'],
  failed: ['fail', '✗ failed'],
};

export function meetingsCard(meetings, state) {
  return h(
    'section',
    { class: 'card', 'data-key': 'meetings', 'aria-labelledby': 'meetings' },
    h(
      'header',
      { class: 'card-head' },
      h('h2', { id: 'meetings' }, 'Meetings'),
      h('span', { class: 'spring' }),
      h('span', { class: 'muted' }, skipNote(state)),
    ),
    meetings.length === 0
      ? h(
          'p',
          { class: 'muted' },
          'The planning team has not met yet. ',
          h('code', null, 'conclave convene'),
          ' calls a meeting now.',
        )
      : meetings.slice(0, 10).map((meeting) => meetingPart(meeting, state)),
  );
}

function skipNote({ world, now }) {
  const [skip] = world.skippedMeetings;
  return skip ? `last slot skipped ${ago(skip.at, now)}: ${skip.reason}` : '';
}

function meetingPart(meeting, state) {
  const [className, label] = OUTCOMES[meeting.outcome] ?? ['pending', words(meeting.outcome)];
  return h(
    'details',
    {
      class: 'meeting',
      id: `meeting-${meeting.meetingId}`,
      'data-meeting': meeting.meetingId,
      'data-key': meeting.meetingId,
    },
    h(
      'summary',
      null,
      h('span', { class: `chip ${className}` }, label),
      h('strong', null, meeting.meetingId),
      h('span', { class: 'grow' }, meeting.summary || title(meeting.reason ?? '')),
      meeting.openedAt &&
        h('time', { datetime: meeting.openedAt, title: dateTime(meeting.openedAt) }, ago(meeting.openedAt, state.now)),
    ),
    transcript(state.transcripts[meeting.meetingId]),
  );
}

function transcript(meeting) {
  if (!meeting) return h('p', { class: 'muted' }, 'Loading…');
  if (meeting.error) return h('p', { class: 'note bad' }, meeting.error);
  const phases = Map.groupBy(meeting.turns, (turn) => turn.phase);
  return h(
    'div',
    { class: 'transcript' },
    h(
      'p',
      { class: 'muted' },
      `Called: ${words(meeting.reason ?? '')}${meeting.detail ? `, ${meeting.detail}` : ''}. Spoke: ${meeting.adapters.join(', ') || 'nobody'}.`,
    ),
    [...phases].map(([phase, turns]) => h('section', null, h('h3', null, title(phase)), turns.map(turnPart))),
    meeting.absences.map((absence) =>
      h(
        'p',
        { class: 'note' },
        h('strong', null, title(absence.role)),
        ` was absent in ${absence.phase}: ${absence.reason}`,
      ),
    ),
    meeting.decisions.length > 0 && h('section', null, h('h3', null, 'Decisions'), meeting.decisions.map(decisionPart)),
    meeting.dissent.length > 0 &&
      h(
        'section',
        null,
        h('h3', null, 'Dissent'),
        meeting.dissent.map((text) => h('blockquote', null, text)),
      ),
    meeting.handoff &&
      h(
        'section',
        null,
        h('h3', null, `Plan: ${meeting.handoff.actions.length} actions`),
        h(
          'ol',
          { class: 'plan' },
          meeting.handoff.actions.map((action) =>
            h(
              'li',
              null,
              h('span', { class: `priority ${action.priority}` }, action.priority.toUpperCase()),
              ` ${action.action} `,
              h('span', { class: 'muted' }, words(action.owner)),
            ),
          ),
        ),
      ),
  );
}

const VOTES = { go: ['pass', '✓ go'], no_go: ['fail', '✗ no-go'], abstain: ['pending', '~ abstain'] };

function turnPart(turn) {
  const isRules = turn.adapter === 'rules';
  return h(
    'article',
    { class: 'turn' },
    h(
      'header',
      null,
      h('strong', null, title(turn.role)),
      h(
        'span',
        {
          class: `chip speaker ${isRules ? 'rules' : 'llm'}`,
          title: isRules ? 'A deterministic advisor, not a language model' : 'Language model',
        },
        turn.speaker,
      ),
      turn.ballots.map((ballot) => h('span', { class: `chip ballot ${VOTES[ballot.vote][0]}` }, VOTES[ballot.vote][1])),
    ),
    h('p', null, turn.text),
  );
}

function decisionPart(decision) {
  const step = decision.toStage
    ? `${stageName(decision.stage)} → ${stageName(decision.toStage)}`
    : stageName(decision.stage);
  return h(
    'div',
    { class: 'decision' },
    h(
      'p',
      null,
      h(
        'span',
        { class: `chip ${decision.decision === 'go' ? 'pass' : 'fail'}` },
        decision.decision === 'go' ? '✓ go' : '✗ no-go',
      ),
      h('strong', null, ` ${decision.model} ${decision.version}: ${step}`),
    ),
    h('p', null, decision.reason),
    h('p', { class: 'ballots' }, tally(decision)),
  );
}

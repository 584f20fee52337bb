import { sparkline } from './charts.js';
import { h } from './dom.js';
import { ago, count, dateTime, duration, percent, stageName, words } from './format.js';
import { gateTable } from './gates.js';

/** The card of one model. */
export function rolloutCard(rollout, state) {
  const { model, current, stable } = rollout;
  return h(
    'section',
    { class: 'card rollout', 'data-key': `rollout-${model}`, 'aria-labelledby': `model-${model}` },
    h(
      'header',
      { class: 'card-head' },
      h('h2', { id: `model-${model}` }, model),
      current
        ? h(
            'p',
            { class: 'what' },
            h('span', { class: 'tag candidate', title: current.digest }, current.version),
            ' over ',
            versionTag(stable),
          )
        : h('p', { class: 'what' }, stable ? [versionTag(stable), ' serves all traffic'] : 'nothing serves yet'),
      h('span', { class: 'spring' }),
      current &&
        h(
          'span',
          { class: 'chip quiet', title: 'What the agents may do on their own' },
          `authority: ${current.authority}`,
        ),
    ),
    Object.values(rollout.holds).map(holdNote),
    current && currentPart(current, rollout, state),
    traffic(rollout, state),
    pastPart(rollout, state),
  );
}

function versionTag(served) {
  return served
    ? h('span', { class: 'tag', title: served.digest }, served.version)
    : h('span', { class: 'tag' }, 'no stable');
}

function holdNote(hold) {
  return h(
    'p',
    { class: 'note warn', 'data-key': `hold-${hold.holdId}`, role: 'status' },
    h('strong', null, `Held (${hold.kind})`),
    ` by ${hold.by}: ${hold.reason}. Nothing advances until `,
    h('code', null, hold.release),
  );
}

function currentPart(current, { holds }, state) {
  const isShown = ({ command }) => !holds.some((hold) => hold.release === command);
  return [
    stageRail(current),
    current.waitsFor.filter(isShown).map(waitNote),
    h('div', { class: 'meters' }, soakMeter(current, state), shareMeter(current)),
    gateTable(current),
    h('div', { class: 'pair' }, missingPart(current), votePart(current, state)),
  ];
}

/** What only a person can do, when nothing else is waited for. */
function waitNote({ sentence, command }) {
  return h(
    'p',
    { class: 'note warn', 'data-key': `wait-${command}`, role: 'status' },
    h('strong', null, 'Waits for you: '),
    h('code', null, command),
    ` (${sentence})`,
  );
}

function stageRail(current) {
  return h(
    'ol',
    { class: 'rail', 'aria-label': 'Stages' },
    current.stages.map((stage) =>
      h(
        'li',
        { class: stage.state, 'aria-current': stage.state === 'current' ? 'step' : null, title: railTitle(stage) },
        h('span', { class: 'knot', 'aria-hidden': 'true' }, stage.state === 'done' ? '✓' : ''),
        h('span', { class: 'rail-label' }, stage.label),
        h(
          'span',
          { class: 'visually-hidden' },
          stage.state === 'done' ? ', done' : stage.state === 'current' ? ', current' : ', ahead',
        ),
      ),
    ),
  );
}

function railTitle({ stage, soakSeconds, summary }) {
  const soak = `soak ${duration(soakSeconds)}`;
  if (!summary) return `${stageName(stage)}: ${soak}`;
  const measured = summary.measuredShare === null ? '' : `, measured ${percent(summary.measuredShare)}`;
  return `${stageName(stage)}: ${soak}, ${count(summary.candidateRequests)} requests, ${summary.candidateErrors} errors${measured}`;
}

function soakMeter(current, state) {
  const { seconds } = current.soak;
  const served = current.servingSince === null ? 0 : (state.now - Date.parse(current.servingSince)) / 1000;
  const part = seconds === 0 ? 0 : Math.min(1, Math.max(0, served / seconds));
  const text =
    current.stage === null
      ? 'not started'
      : current.servingSince === null
        ? 'waiting for the runners'
        : part >= 1
          ? `done, ${duration(seconds)}`
          : `${duration(seconds - served)} left of ${duration(seconds)}`;
  return meter('Soak', text, part, null, 'soak');
}

function shareMeter(current) {
  const { askedShare, measuredShare, measuredRequests, stage } = current;
  const asked = stage === 'shadow' ? 'mirrored, answers nobody' : `asked ${percent(askedShare)}`;
  const measured =
    measuredShare === null
      ? 'not measured yet'
      : `measured ${percent(measuredShare)} (${count(measuredRequests)} requests)`;
  return meter('Traffic', `${asked} · ${measured}`, measuredShare ?? 0, askedShare, 'share');
}

function meter(label, text, part, mark, className) {
  const percentOf = (v) => `${(v * 100).toFixed(1)}%`;
  const bar = h('span', { class: 'fill', 'data-width': percentOf(part) });
  const goal =
    mark === null
      ? null
      : h('span', { class: 'goal', 'data-left': percentOf(mark), title: `asked ${percentOf(mark)}` });
  return h(
    'div',
    { class: `meter ${className}` },
    h('div', { class: 'meter-head' }, h('span', { class: 'label' }, label), h('span', { class: 'meter-text' }, text)),
    h(
      'div',
      {
        class: 'track',
        role: 'meter',
        'aria-label': `${label}: ${text}`,
        'aria-valuemin': 0,
        'aria-valuemax': 100,
        'aria-valuenow': Math.round(part * 100),
      },
      bar,
      goal,
    ),
  );
}

function missingPart({ missing, next, stage, outlook }) {
  const goal = next === null ? 'completion' : next.label;
  return h(
    'div',
    { class: 'box' },
    h('h3', null, stage === null ? 'Waiting for its first stage' : `Missing for ${goal}`),
    missing.length === 0
      ? h('p', { class: 'good-text' }, outlook)
      : h(
          'ul',
          { class: 'missing' },
          missing.map((line) => h('li', null, line)),
        ),
  );
}

function votePart({ rolloutId, stageEpoch, vote, approval }, state) {
  const meeting = state.world.meetings.find((m) => m.decisions.some((d) => d.rolloutId === rolloutId));
  const decision = meeting?.decisions.find((d) => d.rolloutId === rolloutId);
  const latest = vote ?? (decision && { ...decision, meetingId: meeting.meetingId });
  const where =
    vote || decision?.stageEpoch === stageEpoch ? 'in this stage' : `in ${stageName(decision?.stage ?? '')}`;
  return h(
    'div',
    { class: 'box' },
    h('h3', null, 'Latest vote'),
    latest
      ? [
          h(
            'p',
            null,
            h(
              'span',
              { class: `chip ${latest.decision === 'go' ? 'pass' : 'fail'}` },
              latest.decision === 'go' ? '✓ go' : '✗ no-go',
            ),
            ` ${where}, `,
            h('a', { href: `#meeting-${latest.meetingId}` }, latest.meetingId),
          ),
          h('p', { class: 'ballots' }, tally(latest)),
        ]
      : h('p', { class: 'muted' }, 'No meeting has voted on this rollout yet.'),
    approval && h('p', null, `${approval.approved ? 'Approved' : 'Rejected'} by ${approval.by}: ${approval.reason}`),
  );
}

/** Everybody who voted, as chips. */
export function tally({ yes, no, abstained }) {
  const chips = (roles, className, mark) =>
    roles.map((role) => h('span', { class: `chip ballot ${className}` }, `${mark} ${words(role)}`));
  return [chips(yes, 'pass', '✓'), chips(no, 'fail', '✗'), chips(abstained, 'pending', '~')];
}

function traffic({ model, current, stable }, state) {
  const telemetry = state.telemetry[model];
  if (!telemetry || telemetry.series.length === 0) return null;
  const kind = (series) =>
    series.version === current?.version ? 'candidate' : series.version === stable?.version ? 'stable' : 'other';
  const lines = (field) =>
    telemetry.series.map((series) => ({
      className: kind(series),
      points: series.points.map((p) => ({ at: p.at, value: p[field] })),
    }));
  const legend = (text) =>
    telemetry.series.map((series) =>
      h(
        'li',
        { class: kind(series), 'data-key': `${series.version}-${series.mode}` },
        `${series.version}${series.mode === 'mirror' ? ' (mirror)' : ''}: ${text(series)}`,
      ),
    );
  const figure = (label, field, text) =>
    h(
      'figure',
      { class: 'chart' },
      h('figcaption', null, h('span', { class: 'label' }, label), h('ul', { class: 'legend' }, legend(text))),
      sparkline(`${label}, last ${duration(telemetry.keptSeconds)}`, lines(field), state.now, telemetry.keptSeconds),
    );
  return h(
    'div',
    { class: 'charts' },
    figure(
      'Requests per second',
      'requestsPerSecond',
      ({ points }) => `${(points.at(-1)?.requestsPerSecond ?? 0).toFixed(1)}/s`,
    ),
    figure('Latency P95', 'latencyP95Ms', ({ latencyP95Ms }) =>
      latencyP95Ms === null ? 'no data' : `${latencyP95Ms.toFixed(1)} ms`,
    ),
  );
}

const ENDS = { completed: ['pass', '✓ completed'], rolled_back: ['fail', '↩ rolled back'] };

function pastPart({ model, past }, state) {
  return h(
    'div',
    { class: 'past' },
    past.length > 0 && [
      h('h3', null, 'Earlier rollouts'),
      h(
        'ul',
        { class: 'endings' },
        past
          .slice(0, 5)
          .map((one) =>
            h(
              'li',
              { 'data-key': one.rolloutId },
              h(
                'span',
                { class: `chip ${ENDS[one.phase]?.[0] ?? 'pending'}` },
                ENDS[one.phase]?.[1] ?? words(one.phase),
              ),
              h('strong', { title: one.digest }, one.version),
              h(
                'span',
                { class: 'muted' },
                one.phase === 'completed' ? 'every stage earned' : `in ${one.stage ?? 'no stage'}: ${one.reason}`,
              ),
              one.gateLine && h('code', null, one.gateLine),
              one.endedAt &&
                h('time', { datetime: one.endedAt, title: dateTime(one.endedAt) }, ago(one.endedAt, state.now)),
            ),
          ),
      ),
    ],
    h(
      'details',
      { class: 'history', 'data-history': model, 'data-key': `history-${model}` },
      h('summary', null, 'Everything on record'),
      historyList(state.histories[model]),
    ),
  );
}

function historyList(history) {
  if (!history) return h('p', { class: 'muted' }, 'Loading…');
  if (history.error) return h('p', { class: 'note bad' }, history.error);
  const lines = history.commits
    .toReversed()
    .flatMap((commit) => commit.lines.map((line) => ({ ...line, seq: commit.seq, at: commit.at })));
  return h(
    'ol',
    { class: 'lines' },
    lines.map((line) =>
      h(
        'li',
        { class: line.level },
        h('time', { datetime: line.at, title: dateTime(line.at) }, `#${line.seq}`),
        h('span', null, line.text),
      ),
    ),
  );
}

/** What to do when the journal knows no model. */
export function emptyState() {
  const step = (text, command) => h('li', null, h('p', null, text), h('code', { class: 'command' }, command));
  return h(
    'section',
    { class: 'card empty', 'data-key': 'empty' },
    h('h2', null, 'No model is rolled out yet'),
    h('p', null, 'Conclave moves a model to production one earned stage at a time. To begin:'),
    h(
      'ol',
      null,
      step(
        'Push the bundles of the version that serves now and of the candidate',
        'conclave model push <folder with bundle.json>',
      ),
      step('Push the dataset that judges them', 'conclave dataset push <folder with dataset.json>'),
      step('Say what serves today', 'conclave adopt <model> <version> --dataset <name>'),
      step('Apply the rollout of the candidate', 'conclave apply -f rollout.yaml'),
    ),
    h('p', { class: 'muted' }, 'This page shows the rollout as soon as it is on record.'),
  );
}

import { h, s } from './dom.js';
import { ago, clock, dateTime } from './format.js';

const CONNECTION = { live: 'Live', connecting: 'Connecting…', lost: 'Reconnecting…', locked: 'Locked' };

export function headerParts({ world, connection, now }) {
  const facts = world
    ? [
        fact('Leader', leaderText(world.leader), world.leader && !world.leader.silent ? 'ok' : 'bad'),
        fact(
          'Runners',
          runnerText(world.runnerStates),
          runnerClass(world.runnerStates),
          world.runnerStates.map((r) => `${r.runner} ${r.detail}`).join('\n'),
        ),
        fact(
          'Stack',
          stackText(world.stack),
          'ok',
          'State folder, configuration and NATS of the system that this page belongs to',
        ),
        world.seating && agentsFact(world.seating),
        fact('Journal', `#${world.seq}`, 'ok'),
        fact(
          'Heartbeat',
          world.lastHeartbeatAt ? ago(world.lastHeartbeatAt, now) : 'none yet',
          world.leader?.silent ? 'bad' : 'ok',
        ),
      ]
    : [];
  return [
    h(
      'h1',
      null,
      s(
        'svg',
        { viewBox: '0 0 32 32', 'aria-hidden': 'true' },
        s('rect', { width: 32, height: 32, rx: 8 }),
        s('path', { d: 'M22.5 11a8.5 8.5 0 1 0 0 10' }),
        s('circle', { cx: 16, cy: 16, r: 2.6 }),
      ),
      'Conclave',
    ),
    h('dl', { class: 'facts' }, facts),
    h(
      'p',
      { class: `connection ${connection}`, role: 'status', 'aria-live': 'polite' },
      h('span', { class: 'dot', 'aria-hidden': 'true' }),
      CONNECTION[connection],
    ),
  ];
}

function fact(label, value, className, hint) {
  return h('div', { class: className, title: hint }, h('dt', null, label), h('dd', null, value));
}

/** How many agents can speak, and by whom each does. */
function agentsFact({ planning, executive, present, chairs, level, headline }) {
  const seats = [...(planning ?? []), ...(executive ?? [])];
  const hint = seats.map(({ role, state, speaker, reason }) =>
    state === 'absent' ? `${role}: absent, ${reason}` : `${role}: ${speaker.adapter} ${speaker.model}`,
  );
  const text = chairs === 0 ? 'none report' : `${present} of ${chairs}`;
  return fact(
    'Agents',
    text,
    level === 'bad' ? 'bad' : level === 'warn' ? 'warn' : 'ok',
    [headline, ...hint].join('\n'),
  );
}

function leaderText(leader) {
  if (!leader) return 'none';
  return leader.silent ? `none; ${leader.name} fell silent` : `${leader.name}, epoch ${leader.epoch}`;
}

/** How many are up, and in words each that is not. */
function runnerText(states) {
  const up = states.filter((r) => r.state === 'up' || r.state === 'failing');
  const others = states.filter((r) => r.state !== 'up').map((r) => `${r.runner} ${r.detail}`);
  if (states.length === 0) return 'none up';
  return [`${up.length} up`, ...others].join(', ');
}

function runnerClass(states) {
  return states.length > 0 && states.every((r) => r.state === 'up') ? 'ok' : 'bad';
}

/** Which of the systems that may run on this machine the page belongs to. */
function stackText({ stateDir, config, natsUrl }) {
  return [stateDir, config, natsUrl.replace(/^nats:\/\//, '')].filter(Boolean).join(' · ');
}

export function sideParts(state) {
  return [incidentsCard(state), feedCard(state), state.world.insights.length > 0 && insightsCard(state)].filter(
    Boolean,
  );
}

function incidentsCard({ world, now }) {
  const open = world.incidents.filter((i) => !i.resolved);
  const resolved = world.incidents.filter((i) => i.resolved);
  return h(
    'section',
    { class: 'card', 'data-key': 'incidents', 'aria-labelledby': 'incidents' },
    h(
      'header',
      { class: 'card-head' },
      h('h2', { id: 'incidents' }, 'Incidents'),
      h('span', { class: 'spring' }),
      h(
        'span',
        { class: `chip ${open.length === 0 ? 'pass' : 'inconclusive'}` },
        open.length === 0 ? '✓ none open' : `${open.length} open`,
      ),
    ),
    h(
      'ul',
      { class: 'incidents' },
      [...open, ...resolved.slice(0, 3)].map((incident) => incidentPart(incident, now)),
    ),
  );
}

function incidentPart(incident, now) {
  const { resolved } = incident;
  return h(
    'li',
    { class: resolved ? 'resolved' : '', 'data-key': incident.incidentId },
    h(
      'span',
      { class: `chip ${resolved ? 'pending' : incident.severity === 'P0' ? 'fail' : 'inconclusive'}` },
      incident.severity,
    ),
    h(
      'div',
      null,
      h(
        'p',
        null,
        h('strong', { title: incident.detail }, incident.title),
        incident.reports && h('span', { class: 'muted' }, ` ${incident.reports} times at least`),
        incident.model && h('span', { class: 'muted' }, ` ${incident.model}`),
      ),
      h(
        'p',
        { class: 'muted' },
        resolved
          ? `resolved by ${resolved.by} ${ago(resolved.at, now)}: ${resolved.reason}`
          : `opened ${ago(incident.openedAt, now)}${incident.source ? ` by ${incident.source}` : ''}`,
      ),
      !resolved && h('code', null, `conclave incident resolve ${incident.incidentId} --reason ...`),
    ),
  );
}

function feedCard({ events, showRoutine }) {
  const lines = events
    .flatMap((commit) =>
      commit.lines
        .map((line, index) => ({ ...line, at: commit.at, about: commit.about, key: `${commit.seq}-${index}` }))
        .toReversed(),
    )
    .filter((line) => showRoutine || line.level !== 'detail')
    .slice(0, 80);
  return h(
    'section',
    { class: 'card feed', 'data-key': 'feed', 'aria-labelledby': 'feed' },
    h(
      'header',
      { class: 'card-head' },
      h('h2', { id: 'feed' }, 'Events'),
      h('span', { class: 'spring' }),
      h('button', { type: 'button', 'data-do': 'routine', 'aria-pressed': String(showRoutine) }, 'Show routine'),
    ),
    lines.length === 0 ? h('p', { class: 'muted' }, 'Nothing has happened yet.') : null,
    h(
      'ol',
      { class: 'lines', tabindex: 0, 'aria-label': 'Latest events, newest first' },
      lines.map((line) =>
        h(
          'li',
          { class: line.level, 'data-key': line.key },
          h('time', { datetime: line.at, title: dateTime(line.at) }, clock(line.at)),
          h(
            'span',
            null,
            line.kind === 'rollout.verdict_changed' && h('span', { class: 'about' }, line.about),
            line.text,
          ),
        ),
      ),
    ),
  );
}

function insightsCard({ world, now }) {
  return h(
    'section',
    { class: 'card', 'data-key': 'insights', 'aria-labelledby': 'insights' },
    h('header', { class: 'card-head' }, h('h2', { id: 'insights' }, 'Insights')),
    h(
      'ul',
      { class: 'insights' },
      world.insights
        .slice(0, 6)
        .map((insight) =>
          h(
            'li',
            { 'data-key': insight.insightId },
            h('p', null, insight.text),
            h('p', { class: 'muted' }, `${insight.source}, ${insight.line}, ${ago(insight.at, now)}`),
          ),
        ),
    ),
  );
}

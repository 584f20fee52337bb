import { actionsCard } from './actions.js';
import { h, morph } from './dom.js';
import { meetingsCard } from './meetings.js';
import { emptyState, rolloutCard } from './rollout.js';
import { headerParts, sideParts } from './side.js';

/*
 * The page is a function of `state`: whatever changes it calls `render`. Commits arrive over Server-Sent Events and only say that
 * something is new; the facts are then read from the query API.
 */

const KEPT_EVENTS = 300;
const LEAST_MS_BETWEEN_LOADS = 700;
const REFRESH_MS = 5000;

const state = {
  world: null,
  problem: null,
  connection: 'connecting',
  telemetry: {},
  transcripts: {},
  histories: {},
  events: [],
  showRoutine: false,
  now: Date.now(),
  /** Server's clock minus this machine's, milliseconds. */
  skew: 0,
};
const part = (id) => document.getElementById(id);

function render() {
  state.now = Date.now() + state.skew;
  morph(part('header'), headerParts(state));
  if (state.world === null) {
    morph(part('content'), [h('p', { class: 'loading', 'data-key': 'loading' }, state.problem ?? 'Loading…')]);
    return;
  }
  const { rollouts, meetings, actions } = state.world;
  morph(part('content'), [
    ...(state.problem === null
      ? []
      : [h('p', { class: 'note bad', role: 'alert', 'data-key': 'problem' }, state.problem)]),
    ...(rollouts.length === 0 ? [emptyState()] : rollouts.map((rollout) => rolloutCard(rollout, state))),
    actionsCard(actions, state),
    meetingsCard(meetings, state),
  ]);
  morph(part('side'), sideParts(state));
  applyWidths();
}

/** Lengths that come from data are set as properties: the policy of this page allows no inline styles. */
function applyWidths() {
  for (const element of document.querySelectorAll('[data-width]')) element.style.inlineSize = element.dataset.width;
  for (const element of document.querySelectorAll('[data-left]')) element.style.insetInlineStart = element.dataset.left;
}

async function get(path) {
  const answer = await fetch(path, { headers: { accept: 'application/json' } });
  const body = await answer.json();
  if (!answer.ok) throw new Error(body?.error?.message ?? `${path} answered ${answer.status}`);
  return body;
}

async function load() {
  try {
    const world = await get('/api/world');
    state.skew = Date.parse(world.at) - Date.now();
    state.world = world;
    state.problem = null;
    await Promise.all(world.rollouts.map(({ model }) => loadInto(state.telemetry, model, '/api/telemetry/')));
    await Promise.all(openDetails('meeting').map((id) => loadInto(state.transcripts, id, '/api/meetings/')));
  } catch (error) {
    state.problem = `Conclave cannot be reached (${error.message}); trying again.`;
  }
  render();
}

async function loadInto(store, name, path) {
  store[name] = await get(path + encodeURIComponent(name)).catch((error) => ({
    error: error.message,
    series: [],
    commits: [],
  }));
}

function openDetails(kind) {
  return [...document.querySelectorAll(`details[open][data-${kind}]`)].map((element) => element.dataset[kind]);
}

let loadedAt = 0;
let planned;

/** Loads soon, but not for every one of many commits. */
function loadSoon() {
  if (planned !== undefined) return;
  const wait = Math.max(150, loadedAt + LEAST_MS_BETWEEN_LOADS - Date.now());
  planned = setTimeout(async () => {
    planned = undefined;
    loadedAt = Date.now();
    await load();
  }, wait);
}

function listen() {
  const source = new EventSource('/api/events?recent=150');
  source.addEventListener('open', () => {
    state.connection = 'live';
    render();
  });
  // The browser connects again by itself and names the last event it has seen.
  source.addEventListener('error', () => {
    state.connection = 'lost';
    render();
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, 3000);
  });
  source.addEventListener('commit', (message) => {
    const commit = JSON.parse(message.data);
    if (state.events.some((known) => known.seq === commit.seq)) return;
    state.events = [commit, ...state.events].slice(0, KEPT_EVENTS);
    loadSoon();
  });
}

document.addEventListener(
  'toggle',
  async ({ target }) => {
    if (!(target instanceof HTMLDetailsElement) || !target.open) return;
    const { meeting, history } = target.dataset;
    if (meeting) await loadInto(state.transcripts, meeting, '/api/meetings/');
    if (history) await loadInto(state.histories, history, '/api/history/');
    render();
  },
  true,
);

document.addEventListener('click', ({ target }) => {
  if (!(target instanceof Element)) return;
  if (target.closest('[data-do="routine"]')) {
    state.showRoutine = !state.showRoutine;
    render();
  }
  const link = target.closest('a[href^="#meeting-"]');
  const meeting = link && document.getElementById(link.getAttribute('href').slice(1));
  if (meeting) meeting.open = true;
});

render();
listen();
await load();
setInterval(load, REFRESH_MS);
setInterval(render, 1000);

import { actionsCard } from './actions.js';
import { h, morph } from './dom.js';
import { quarantineNote, unreadNote } from './journal-note.js';
import { meetingsCard } from './meetings.js';
import { emptyState, rolloutCard } from './rollout.js';
import { seatingNote } from './seating.js';
import { follow, get, keepToken, TokenWanted } from './server.js';
import { headerParts, sideParts } from './side.js';
import { unlockCard } from './unlock.js';

/*
 * The page is a function of `state`: whatever changes it calls `render`. Commits arrive over Server-Sent Events and only say that
 * something is new; the facts are then read from the query API.
 */

const KEPT_EVENTS = 300;
const LEAST_MS_BETWEEN_LOADS = 500;
const REFRESH_MS = 5000;
const RECONNECT_MS = 2000;

const state = {
  world: null,
  problem: null,
  /** Not null while the service wants a token; `given`: another one than it was given. */
  locked: null,
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
  if (state.locked !== null) return morph(part('content'), [unlockCard(state.locked)]);
  if (state.world === null) {
    morph(part('content'), [h('p', { class: 'loading', 'data-key': 'loading' }, state.problem ?? 'Loading…')]);
    return;
  }
  const { rollouts, meetings, actions } = state.world;
  morph(part('content'), [
    ...(state.problem === null
      ? []
      : [h('p', { class: 'note bad', role: 'alert', 'data-key': 'problem' }, state.problem)]),
    ...seatingNote(state.world.seating),
    ...unreadNote(state.world.unread),
    ...quarantineNote(state.world.quarantined),
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

async function load() {
  try {
    const world = await get('/api/world');
    state.skew = Date.parse(world.at) - Date.now();
    state.world = world;
    state.problem = null;
    const { rollouts } = world;
    await Promise.all([
      ...rollouts.map(({ model }) => loadInto(state.telemetry, model, '/api/telemetry/')),
      ...openDetails('meeting').map((id) => loadInto(state.transcripts, id, '/api/meetings/')),
      ...openDetails('history')
        .filter((model) => isBehind(state.histories[model], rollouts, model))
        .map((model) => loadInto(state.histories, model, '/api/history/')),
    ]);
  } catch (error) {
    if (error instanceof TokenWanted) lock(error);
    else state.problem = `Conclave cannot be reached (${error.message}); trying again.`;
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

/** Whether a history lacks the rollout's last commit. */
function isBehind(history, rollouts, model) {
  return history?.commits.at(-1)?.seq !== rollouts.find((rollout) => rollout.model === model)?.seq;
}

function openDetails(kind) {
  return [...document.querySelectorAll(`details[open][data-${kind}]`)].map((element) => element.dataset[kind]);
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));
let news = Promise.withResolvers();
let unlocked = Promise.resolve();
let unlock = () => undefined;

/** Loading and listening stand still until a token is given. */
function lock({ given }) {
  if (state.locked === null) {
    const { promise, resolve } = Promise.withResolvers();
    unlocked = promise;
    unlock = resolve;
  }
  state.locked = { given };
}

/** Repeats a step for as long as the page is open, whatever becomes of one. */
async function forever(restMs, step) {
  for (;;) {
    await unlocked;
    await step().catch(console.error);
    await pause(restMs);
  }
}

/** One load after the other, so that no older answer overtakes a newer one. */
async function loadThenWait() {
  news = Promise.withResolvers();
  await load();
  await Promise.race([news.promise, pause(REFRESH_MS)]);
}

let lastId;

async function listen() {
  try {
    await follow('/api/events?recent=150', lastId, connected, ({ type, id, data }) => {
      if (type !== 'commit') return;
      lastId = id;
      note(JSON.parse(data));
    });
  } catch (error) {
    if (error instanceof TokenWanted) lock(error);
  }
  state.connection = state.locked === null ? 'lost' : 'locked';
  render();
}

function connected() {
  state.connection = 'live';
  news.resolve();
  render();
}

function note(commit) {
  if (state.events.some((known) => known.seq === commit.seq)) return;
  state.events = [commit, ...state.events].slice(0, KEPT_EVENTS);
  news.resolve();
}

// What was opened is loaded with the rest.
document.addEventListener('toggle', ({ target }) => target.open && news.resolve(), true);

document.addEventListener('submit', (event) => {
  event.preventDefault();
  const { value } = event.target.querySelector('input');
  // A header can carry nothing else.
  if (!/^[\x21-\x7e]+$/.test(value)) state.locked = { given: true };
  else {
    keepToken(value);
    state.locked = null;
    unlock();
    news.resolve();
  }
  render();
});

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
void forever(LEAST_MS_BETWEEN_LOADS, loadThenWait);
void forever(RECONNECT_MS, listen);
setInterval(render, 1000);

/*
 * Asking the service that this page comes from.
 * 1. Where the service wants a token, each request carries the one that a person gave; the browser keeps it until the tab is closed.
 * 2. No request waits for ever: a connection that died without a word would look like a quiet system.
 */

const TOKEN = 'conclave-token';
const ANSWER_MS = 10_000;
/** The service says something every two seconds. */
const SILENCE_MS = 15_000;

/** The service wants a token: `given` says whether this is its answer to one. */
export class TokenWanted extends Error {
  constructor(given) {
    super('the service wants its token');
    this.given = given;
  }
}

export function keepToken(token) {
  sessionStorage.setItem(TOKEN, token);
}

/** The JSON at a path. Throws TokenWanted, or an Error with what the service says; also when it says nothing for ten seconds. */
export async function get(path) {
  const answer = await ask(path, { accept: 'application/json' }, AbortSignal.timeout(ANSWER_MS));
  return await answer.json();
}

/**
 * Reads Server-Sent Events, each as `{ type, id, data }`, until the service ends the stream; throws like `get`, and when nothing came for 15
 * seconds. `lastId`: the event to go on after; `after(ms, then)`: calls `then` later, and returns what takes that back.
 */
export async function follow(path, lastId, onOpen, onEvent, after = later) {
  const life = new AbortController();
  let forget = () => {};
  const heard = () => {
    forget();
    forget = after(SILENCE_MS, () => life.abort(new Error('the service fell silent')));
  };
  heard();
  try {
    const answer = await ask(path, lastId === undefined ? {} : { 'last-event-id': lastId }, life.signal);
    onOpen();
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      heard();
      const messages = (text + value).split('\n\n');
      text = messages.pop();
      for (const message of messages) onEvent(eventOf(message));
    }
  } finally {
    forget();
    life.abort();
  }
}

function later(ms, then) {
  const timer = setTimeout(then, ms);
  return () => clearTimeout(timer);
}

async function ask(path, headers, signal) {
  const token = sessionStorage.getItem(TOKEN);
  const own = token === null ? {} : { authorization: `Bearer ${token}` };
  const answer = await fetch(path, { headers: { ...headers, ...own }, signal });
  if (answer.status === 401) {
    // A refusal that was on its way when a person gave another token says nothing about that one.
    if (sessionStorage.getItem(TOKEN) !== token) return await ask(path, headers, signal);
    throw new TokenWanted(token !== null);
  }
  if (answer.ok) return answer;
  const body = await answer.json().catch(() => null);
  throw new Error(body?.error?.message ?? `${path} answered ${answer.status}`);
}

function eventOf(message) {
  const fields = message.split('\n').map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon), line.slice(colon + 1).trimStart()];
  });
  const { event: type = 'message', id, data = '' } = Object.fromEntries(fields);
  return { type, id, data };
}

import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { parseHTML } from 'linkedom';
import type { Wish } from './browser.ts';

const WEB = join(import.meta.dirname, '../../web');
const base = String(workerData);
const ownFetch = globalThis.fetch;
const { window } = parseHTML(await (await ownFetch(base)).text());
const { document, Node, Element, Event } = window;
const stored = new Map<string, string>();

Object.assign(globalThis, {
  document,
  Node,
  Element,
  sessionStorage: {
    getItem: (name: string) => stored.get(name) ?? null,
    setItem: (name: string, value: string) => void stored.set(name, value),
  },
  fetch: (path: string, options: RequestInit) => ownFetch(new URL(path, base), options),
});
for (const script of document.querySelectorAll('script[type=module]'))
  await import(join(WEB, script.getAttribute('src') ?? ''));

parentPort?.on('message', (wish: Wish) => parentPort?.postMessage(grant(wish)));
parentPort?.postMessage([]);

function grant(wish: Wish): string[] {
  if (wish.wish === 'texts') return [...document.querySelectorAll(wish.selector)].map(shownText);
  if (wish.wish === 'open') {
    const details = document.querySelector(wish.selector);
    details?.setAttribute('open', '');
    // This DOM does not derive the property from the attribute.
    Object.assign(details ?? {}, { open: true });
    details?.dispatchEvent(new Event('toggle', { bubbles: true }));
  } else if (wish.wish === 'send') {
    const field = document.querySelector('input');
    field?.setAttribute('value', wish.text);
    field?.closest('form')?.dispatchEvent(new Event('submit', { bubbles: true, cancelable: true }));
  }
  return [];
}

/** The pieces of text with a blank between them. */
function shownText(node: { nodeType: number; textContent: string | null; childNodes: Iterable<unknown> }): string {
  const pieces = (part: typeof node): string[] =>
    part.nodeType === 3
      ? [part.textContent ?? '']
      : [...part.childNodes].flatMap((child) => pieces(child as typeof node));
  return pieces(node).join(' ').replace(/\s+/g, ' ').trim();
}

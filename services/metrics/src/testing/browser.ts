import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

/** The status page as a person has it before them, run by a DOM in a thread of its own: its scripts have globals and timers. */
export interface Browser extends AsyncDisposable {
  /** The texts that the chosen elements show, one string each. */
  texts(selector: string): Promise<string[]>;
  /** Opens a `<details>`. */
  open(selector: string): Promise<void>;
  /** Types into the only field and sends its form. */
  send(text: string): Promise<void>;
}

export type Wish =
  | { readonly wish: 'texts' | 'open'; readonly selector: string }
  | { readonly wish: 'send'; readonly text: string };

/** Loads the page at an address. */
export async function openPage(url: string): Promise<Browser> {
  const worker = new Worker(new URL('browser-thread.ts', import.meta.url), { workerData: url });
  const ask = async (wish: Wish): Promise<string[]> => {
    worker.postMessage(wish);
    return (await once(worker, 'message'))[0];
  };
  await once(worker, 'message');
  return {
    texts: (selector) => ask({ wish: 'texts', selector }),
    async open(selector) {
      await ask({ wish: 'open', selector });
    },
    async send(text) {
      await ask({ wish: 'send', text });
    },
    async [Symbol.asyncDispose]() {
      await worker.terminate();
    },
  };
}

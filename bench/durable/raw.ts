import { randomUUID } from 'node:crypto';
import { findNatsServer, startNats } from '@conclave/bus/testing';
import type { Measure } from './figures.ts';
import { journalLikeStream, type RawStream } from './raw-stream.ts';
import { median } from './statistics.ts';
import { versionOf } from './version-of.ts';

const STEPS = ['action_dispatched', 'action_started', 'action_completed'];
const ACTIONS_ALONE = 50;
const WARM_UP = 50;

/**
 * What the store itself can do: three appends per action, one after the other, each acknowledged after its fsync, on a subject of the
 * action's own and with the sequence that it expects there, as the journal's writers do. Nothing is decided, folded or read.
 */
export const measure: Measure = async (counts) => {
  const nats = await startNats();
  try {
    const stream = await journalLikeStream(nats.url);
    const run = async (actions: number): Promise<number> => {
      const startedAt = performance.now();
      for (let index = 0; index < actions; index++) await appendAction(stream);
      return (performance.now() - startedAt) / 1000;
    };
    await run(WARM_UP);
    const alone: number[] = [];
    for (let index = 0; index < ACTIONS_ALONE; index++) alone.push((await run(1)) * 1000);
    const rows = [];
    for (const actions of counts) rows.push({ actions, seconds: await run(actions) });
    await stream.close();
    const version = await versionOf(findNatsServer());
    const note = `${version}, sync_interval always; three appends per action, each awaited before the next; unsigned; one writer`;
    return { name: 'raw appends', rows, oneActionMs: median(alone), note };
  } finally {
    await nats.stop();
  }
};

async function appendAction(stream: RawStream): Promise<void> {
  const id = randomUUID();
  let expectedSeq = 0;
  for (const type of STEPS) expectedSeq = await stream.append(`actions.${id}`, expectedSeq, commitOf(id, type));
}

/** As large as a commit of an action: about 450 bytes. */
function commitOf(id: string, type: string): Uint8Array {
  const event = { id: randomUUID(), type, at: new Date().toISOString(), action: id, correlationId: randomUUID() };
  return new TextEncoder().encode(JSON.stringify({ by: 'bench-1', events: [{ ...event, note: 'x'.repeat(180) }] }));
}

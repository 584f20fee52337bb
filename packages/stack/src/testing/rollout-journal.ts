import assert from 'node:assert/strict';
import { openJournal } from '@conclave/bus';
import { startTestBus } from '@conclave/bus/testing';
import { aggregates, DEFAULT_GATES } from '@conclave/contracts';
import { followWorld } from '@conclave/service';

const digest = `sha256:${'a'.repeat(64)}`;
/** What `applied` rolls out, under any version. */
export const DEFINITION = {
  name: 'n',
  model: 'm',
  version: '1.0',
  digest,
  datasetName: 'd',
  dataset: digest,
  authority: 'act',
  stages: [
    { name: 'shadow', soakSeconds: 60 },
    { name: 'production', soakSeconds: 60 },
  ],
  gates: DEFAULT_GATES.slice(0, 2),
};

/** A journal of the model `m` on a real server, and the world that follows it. */
export async function startRolloutJournal() {
  const bench = await startTestBus();
  const journal = openJournal(bench.bus, { by: 'test' });
  let events = 0;
  const follower = await followWorld({ journal, onError: (error) => assert.fail(String(error)) });
  await follower.ready();
  return {
    follower,
    /** Appends one event about the rollouts of `m`, which the world then includes; `type` without its `rollout.` in front. */
    async happens(type: string, data: object): Promise<void> {
      const event = { id: `e${events++}`, type: `rollout.${type}`, at: new Date().toISOString(), data };
      const { seq } = await journal.append(aggregates.rollouts('m'), 'any', [event]);
      await follower.waitForSeq(seq);
    },
    async [Symbol.asyncDispose]() {
      await follower.stop();
      await bench[Symbol.asyncDispose]();
    },
  };
}

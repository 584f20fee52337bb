import assert from 'node:assert/strict';
import { openJournal } from '@conclave/bus';
import { startTestBus } from '@conclave/bus/testing';
import { DEFAULT_GATES } from '@conclave/contracts';
import { type History, history, writeTo } from '@conclave/histories';
import { followWorld } from '@conclave/service';

/** How 1.0 of the model `m` is rolled out. */
export const ROLLOUT = {
  version: '1.0',
  soakSeconds: 60,
  stages: ['shadow', 'production'],
  gates: DEFAULT_GATES.slice(0, 2),
} as const;

/** A journal of the model `m` on a real server, and the world that follows it. */
export async function startRolloutJournal() {
  const bench = await startTestBus();
  const journal = openJournal(bench.bus, { by: 'test' });
  const told = history({ model: 'm', stable: '0.9', candidate: '1.0' });
  const follower = await followWorld({ journal, onError: (error) => assert.fail(String(error)) });
  await follower.ready();
  return {
    follower,
    /** Writes down what is told, now; the world then includes it. */
    async happens(tell: (told: History) => unknown): Promise<void> {
      const known = told.commits.length;
      tell(told.at(new Date()));
      await follower.waitForSeq(await writeTo(journal, told, known));
    },
    async [Symbol.asyncDispose]() {
      await follower.stop();
      await bench[Symbol.asyncDispose]();
    },
  };
}

import type { Speaker } from '@conclave/contracts';
import type { Worker } from './worker.ts';

/** An agent that cannot speak, for want of a key: its action fails with that reason. */
export function absentWorker(speaker: Speaker, reason: string): Worker {
  return { speaker, next: async () => ({ kind: 'refused', reason }) };
}

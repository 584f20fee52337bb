import type { Bus } from '@conclave/bus';
import { type LiveGates, liveGates, subjects } from '@conclave/contracts';
import { openRollout, type RolloutsState } from '@conclave/core';
import { z } from 'zod';

const explained = z.object({ live: liveGates.nullable() });
const ANSWER_MS = 2000;

/** How the leader judges the gates of the open rollout now; undefined when none is open or no leader answers: then the record has to do. */
export async function liveGatesOf(bus: Bus, state: RolloutsState): Promise<LiveGates | undefined> {
  if (openRollout(state) === undefined) return undefined;
  try {
    const reply = await bus.request(subjects.api('explain'), { model: state.model }, { timeoutMs: ANSWER_MS });
    return explained.parse(reply.json()).live ?? undefined;
  } catch {
    return undefined;
  }
}

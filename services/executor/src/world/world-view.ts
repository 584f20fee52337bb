import type { Journal } from '@conclave/bus';
import { isConclaveError } from '@conclave/contracts';
import type { World } from '@conclave/core';
import type { WorldFollower } from '@conclave/service';

/** What tools and workers see of the journal's state. */
export interface WorldView {
  current(): World;
  /** The state that includes everything stored when this was called, so that one call sees what the last one did. */
  upToDate(): Promise<World>;
  /**
   * What `pick` finds in the present or a later world; undefined when `timeoutMs` passed without.
   * @throws CVE_CANCELLED when the signal is aborted.
   */
  until<T>(
    pick: (world: World) => T | undefined,
    options: { readonly timeoutMs: number; readonly signal: AbortSignal },
  ): Promise<T | undefined>;
}

export function worldView(
  follower: Pick<WorldFollower, 'world' | 'waitFor' | 'waitForSeq'>,
  journal: Pick<Journal, 'lastSeq'>,
): WorldView {
  // Asked for once by all who came while the question before was on its way: an answer counts for whoever asked before it was put.
  let asking: Promise<number> | undefined;
  let asked: Promise<number> | undefined;
  const ask = (): Promise<number> => {
    if (asking !== undefined) {
      asked ??= asking.then(begin, begin);
      return asked;
    }
    return begin();
  };
  const begin = (): Promise<number> => {
    asked = undefined;
    const answer = journal.lastSeq();
    asking = answer;
    const end = (): void => {
      if (asking === answer) asking = undefined;
    };
    answer.then(end, end);
    return answer;
  };
  return {
    current: () => follower.world,
    async upToDate() {
      await follower.waitForSeq(await ask());
      return follower.world;
    },
    async until(pick, { timeoutMs, signal }) {
      try {
        // A timer holds at most 2^31 - 1 ms.
        const boundedMs = Math.min(timeoutMs, 2 ** 31 - 1);
        return await follower.waitFor(pick, { timeoutMs: boundedMs, signal, what: 'the journal' });
      } catch (error) {
        if (isConclaveError(error, 'CVE_TOOL_TIMEOUT')) return undefined;
        throw error;
      }
    },
  };
}

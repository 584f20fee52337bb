import type { TelemetryWindow } from '@conclave/contracts';
import { openRollout, type Rollout, type World } from '@conclave/core';
import {
  addCandidateWindow,
  addStableWindow,
  emptyStageTelemetry,
  type StageTelemetry,
} from '../gates/stage-telemetry.ts';

/** Telemetry of each model's open rollout in its present stage epoch, kept in memory and rebuilt from the stream. */
export interface TelemetryBook {
  add(window: TelemetryWindow): void;
  of(model: string): StageTelemetry | undefined;
}

const MAX_EARLY = 1000;

/** @param longestPauseSeconds a longer time without any window of a candidate is an interruption of its soak */
export function telemetryBook(world: () => World, longestPauseSeconds: number): TelemetryBook {
  const books = new Map<string, StageTelemetry>();
  // Windows of an epoch that this replica's world has not reached yet.
  let early: TelemetryWindow[] = [];

  const openOf = (model: string): Rollout | undefined => {
    const state = world().rollouts[model];
    return state === undefined ? undefined : openRollout(state);
  };
  const bookOf = (rollout: Rollout): StageTelemetry => {
    const { model, digest } = rollout.definition;
    const book = books.get(model);
    return book?.stageEpoch === rollout.stageEpoch && book.digest === digest
      ? book
      : emptyStageTelemetry(digest, rollout.stageEpoch);
  };
  const enter = (window: TelemetryWindow): void => {
    const rollout = openOf(window.model);
    if (rollout === undefined) return;
    if ((window.stageEpoch ?? 0) > rollout.stageEpoch) {
      early = [...early, window].slice(-MAX_EARLY);
      return;
    }
    // What was served before the stage stood on every runner is neither evidence nor part of the measured split.
    if (rollout.firstServedAt === undefined || window.from < rollout.firstServedAt) return;
    const book = bookOf(rollout);
    const isCandidate = window.digest === rollout.definition.digest;
    const next = isCandidate
      ? addCandidateWindow(book, window, blockSizeOf(rollout), longestPauseSeconds)
      : addStableWindow(book, window);
    books.set(window.model, next);
  };

  return {
    add(window) {
      const waiting = early;
      early = [];
      for (const w of [...waiting, window]) enter(w);
    },
    of(model) {
      const rollout = openOf(model);
      return rollout === undefined ? undefined : bookOf(rollout);
    },
  };
}

/** Blocks hold the samples that the most demanding online gate needs. */
function blockSizeOf(rollout: Rollout): number {
  return Math.max(1, ...rollout.definition.gates.map((g) => (g.source === 'telemetry' ? (g.minSamples ?? 1) : 1)));
}

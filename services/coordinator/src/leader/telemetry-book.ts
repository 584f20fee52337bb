import type { TelemetryWindow } from '@conclave/contracts';
import { openRollout, type Rollout, type RolloutsState, rolloutsOf, WindowOrder, type World } from '@conclave/core';
import {
  addCandidateWindow,
  addStableWindow,
  emptyStageTelemetry,
  type StageTelemetry,
} from '../gates/stage-telemetry.ts';
import type { BookState, StoredWindow } from './book-state.ts';

/*
 * The telemetry of each model's open rollout in its present stage epoch. Invariants:
 * 1. What is counted depends on the windows in the order of their stream and on the world alone, not on which of the two a replica heard
 *    first: a window whose stage the world does not know yet, or that nobody is known to serve yet, waits. So the book of a replica that
 *    kept it for a week, through snapshots and restarts, equals one that is read from the stream.
 * 2. A window counts once (`WindowOrder`), and only for the epoch and digest that it names, from the time when every runner served.
 * 3. Adding a window costs the same on the first day and the last.
 * Windows of stable that carry no `besideEpoch`, from a runner before there was one, count for the stage that serves when they arrive.
 */
export interface TelemetryBook {
  /** Takes a window of the stream of telemetry; no sequence is looked at twice. */
  add(stored: StoredWindow): void;
  /** Passes over the stream up to a sequence: there is nothing there that could count. */
  pass(seq: number): void;
  /** What is counted for the model's open rollout. It changes with each window: who keeps it copies it. */
  of(model: string): StageTelemetry | undefined;
  /** Sequence of the last message taken. */
  readonly position: number;
  /** True when windows are missing that could not be kept until their stage began: the stream must be read again. */
  readonly isGapped: boolean;
  /** Everything, as JSON: another book goes on from it. */
  state(): BookState;
}

export interface BookOptions {
  /** A longer time without any window of a candidate is an interruption of its soak. */
  readonly longestPauseSeconds: number;
  /** Windows that may wait for their stage, of all models together. Default 10,000. */
  readonly mostWaiting?: number;
  /** Told of each window that does not count although it is of a stage that does, and why. */
  onPassedOver?(stored: StoredWindow, reason: string): void;
}

const MOST_WAITING = 10_000;
/** By so much the clocks of runners and of the server may differ, in milliseconds. */
const CLOCKS_DIFFER_MS = 600_000;

interface Shelf {
  /** The part of the world that it was last sorted by. */
  sortedBy: string;
  stage: StageTelemetry | undefined;
  order: WindowOrder;
  waiting: StoredWindow[];
  /** Windows of a stage to come did not find room. */
  gap: boolean;
}

/** @param from the state of an earlier book */
export function telemetryBook(world: () => World, options: BookOptions, from?: BookState): TelemetryBook {
  const shelves = new Map<string, Shelf>();
  let position = from?.position ?? 0;
  let waiting = 0;
  let isGapped = false;
  for (const { model, order, ...kept } of from?.shelves ?? []) {
    shelves.set(model, { stage: undefined, ...kept, order: new WindowOrder(order) });
    waiting += kept.waiting.length;
  }

  const enter = (shelf: Shelf, state: RolloutsState, stored: StoredWindow): void => {
    const { window } = stored;
    const place = placeOf(window, state);
    if (place === 'elsewhere') return;
    if (place === 'later') {
      if (waiting >= (options.mostWaiting ?? MOST_WAITING)) {
        shelf.gap = true;
        return;
      }
      waiting++;
      shelf.waiting.push(stored);
      return;
    }
    const refusal = aheadOfTime(stored) ?? shelf.order.refuse(window);
    if (refusal !== undefined) {
      options.onPassedOver?.(stored, refusal);
      return;
    }
    const { definition, stageEpoch } = place;
    shelf.stage ??= emptyStageTelemetry(definition.digest, stageEpoch);
    if (window.stageEpoch === undefined) addStableWindow(shelf.stage, window);
    else addCandidateWindow(shelf.stage, window, blockSizeOf(place), options.longestPauseSeconds);
  };

  /** Sorts what is on the shelf anew when the world has changed what belongs there. */
  const sort = (shelf: Shelf, state: RolloutsState): void => {
    const rollout = openRollout(state);
    const by = JSON.stringify([state.stageEpoch, rollout?.rolloutId, rollout?.stageEpoch, rollout?.firstServedAt]);
    if (shelf.sortedBy === by) return;
    shelf.sortedBy = by;
    if (shelf.stage?.stageEpoch !== rollout?.stageEpoch || shelf.stage?.digest !== rollout?.definition.digest) {
      shelf.stage = undefined;
      shelf.order = new WindowOrder();
    }
    const { waiting: before } = shelf;
    shelf.waiting = [];
    waiting -= before.length;
    for (const stored of before) enter(shelf, state, stored);
    if (shelf.gap && rollout?.firstServedAt !== undefined) isGapped = true;
  };

  return {
    add(stored) {
      const { seq, window } = stored;
      if (seq <= position) return;
      position = seq;
      const state = rolloutsOf(world(), window.model);
      const shelf = shelves.get(window.model) ?? emptyShelf();
      sort(shelf, state);
      enter(shelf, state, stored);
      if (shelf.stage !== undefined || shelf.waiting.length > 0 || shelf.gap) shelves.set(window.model, shelf);
      else shelves.delete(window.model);
    },
    pass(seq) {
      position = Math.max(position, seq);
    },
    of(model) {
      const state = rolloutsOf(world(), model);
      const rollout = openRollout(state);
      const shelf = shelves.get(model);
      if (shelf !== undefined) sort(shelf, state);
      if (rollout === undefined) return undefined;
      return shelf?.stage ?? emptyStageTelemetry(rollout.definition.digest, rollout.stageEpoch);
    },
    get position() {
      return position;
    },
    get isGapped() {
      return isGapped;
    },
    state: () =>
      structuredClone({
        position,
        shelves: [...shelves].map(([model, { order, ...kept }]) => ({ model, ...kept, order: order.marks() })),
      }),
  };
}

function emptyShelf(): Shelf {
  return { sortedBy: '', stage: undefined, order: new WindowOrder(), waiting: [], gap: false };
}

/** A clock that is far ahead would let old evidence pass for fresh, and a jump of it for time served. */
function aheadOfTime({ storedAt, window: { to } }: StoredWindow): string | undefined {
  const aheadMs = Date.parse(to) - Date.parse(storedAt);
  return aheadMs > CLOCKS_DIFFER_MS
    ? `it ends at ${to}, ${Math.round(aheadMs / 1000)} s after it was stored; the clock of its runner or of the server is wrong`
    : undefined;
}

/** Where a window belongs: the rollout whose open stage it measured, one that is not known yet, or none that is open. */
function placeOf(window: TelemetryWindow, state: RolloutsState): Rollout | 'later' | 'elsewhere' {
  const rollout = openRollout(state);
  const epoch = window.stageEpoch ?? window.besideEpoch;
  if (epoch !== undefined && epoch > state.stageEpoch) return 'later';
  if (rollout === undefined || (epoch ?? rollout.stageEpoch) !== rollout.stageEpoch) return 'elsewhere';
  if (window.stageEpoch !== undefined && window.digest !== rollout.definition.digest) return 'elsewhere';
  const { firstServedAt } = rollout;
  if (firstServedAt === undefined) return epoch === undefined || epoch === 0 ? 'elsewhere' : 'later';
  // What was served before the stage stood on every runner is neither evidence nor part of the measured split.
  return Date.parse(window.from) < Date.parse(firstServedAt) ? 'elsewhere' : rollout;
}

/** Blocks hold the samples that the most demanding online gate needs. */
function blockSizeOf(rollout: Rollout): number {
  return Math.max(1, ...rollout.definition.gates.map((g) => (g.source === 'telemetry' ? (g.minSamples ?? 1) : 1)));
}

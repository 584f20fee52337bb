import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import type { TelemetryWindow } from '@conclave/contracts';
import { foldWorld, initialWorld, openRollout } from '@conclave/core';
import fc from 'fast-check';
import type { StageTelemetry } from '../gates/stage-telemetry.ts';
import { rolloutEventOf } from '../rollout/rollout-event.ts';
import { window } from '../testing/given-evidence.ts';
import { Simulation } from '../testing/simulation.ts';
import { measured, type Shape, STAGE_COMMITS, second, worldAfter } from '../testing/stage-history.ts';
import { CANDIDATE_DIGEST, MODEL } from '../testing/test-world.ts';
import { bookState, type StoredWindow } from './book-state.ts';
import { type TelemetryBook, telemetryBook } from './telemetry-book.ts';

const OPTIONS = { longestPauseSeconds: 120 };
const at = (seq: number, window: TelemetryWindow): StoredWindow => ({ seq, storedAt: window.to, window });

test('what was measured before an interruption is still evidence for a leader that reads it again', () => {
  const simulation = new Simulation('act');
  const { t: world } = simulation;
  simulation.deploy('shadow');
  simulation.settle();
  world.advance(10);
  const early = window(world, { requests: 300, latencyMs: 3 });
  world.advance(1000);
  const late = window(world, { requests: 5, latencyMs: 3 });
  const { rolloutId, stageEpoch } = openRollout(world.state) ?? assert.fail();
  world.appendRollout([
    rolloutEventOf(world.facts(), 'rollout.stage_serving', {
      rolloutId,
      stageEpoch,
      runners: ['gpu-runner-0'],
      resumed: { at: late.from, soakedSeconds: 1 },
    }),
  ]);
  const book = telemetryBook(() => world.world, OPTIONS);
  for (const [index, one] of [early, late].entries()) book.add(at(index + 1, one));
  const read = book.of('search');
  assert.equal(read?.total?.requests, 305);
  assert.deepEqual(read?.served?.resumed, { at: late.from, soakedSeconds: 1 });
});

/** What a replica hears: how many windows, then how many commits, and whether it starts again from a snapshot. */
interface Step {
  readonly windows: number;
  readonly commits: number;
  readonly restart: boolean;
}

/** A replica's book after it has heard everything in some order, over restarts. */
function kept(windows: readonly TelemetryWindow[], steps: readonly Step[]): StageTelemetry | undefined {
  let [folded, heard] = [0, 0];
  let world = initialWorld();
  let book = telemetryBook(() => world, OPTIONS);
  const hear = (step: Step): void => {
    for (const one of windows.slice(heard, heard + step.windows)) book.add(at(++heard, one));
    for (const commit of STAGE_COMMITS.slice(folded, folded + step.commits)) {
      world = foldWorld(world, commit);
      folded++;
    }
    if (step.restart)
      book = telemetryBook(() => world, OPTIONS, bookState.parse(JSON.parse(JSON.stringify(book.state()))));
  };
  for (const step of steps) hear(step);
  hear({ windows: windows.length, commits: STAGE_COMMITS.length, restart: false });
  // Delivered again, as after a reconnect.
  for (const [index, one] of windows.entries()) book.add(at(index + 1, one));
  return book.of(MODEL);
}

/** Requests of candidate and stable that count for stage 3, told from the windows alone. */
function countedByHand(windows: readonly TelemetryWindow[]): { candidate: number; stable: number } {
  const lastEnd = new Map<string, string>();
  const counted = { candidate: 0, stable: 0 };
  for (const one of windows) {
    if ((one.stageEpoch ?? one.besideEpoch) !== 3 || one.from < second(310)) continue;
    if (one.stageEpoch === 3 && one.digest !== CANDIDATE_DIGEST) continue;
    const key = [one.runner, one.series, one.version].join();
    if (one.to <= (lastEnd.get(key) ?? '')) continue;
    lastEnd.set(key, one.to);
    if (one.excluded === undefined) counted[one.stageEpoch === 3 ? 'candidate' : 'stable'] += one.requests;
  }
  return counted;
}

describe('the telemetry book', () => {
  it('is the same whatever a replica heard first, through restarts, and holds what counts, once', () => {
    const shape = fc.record({
      candidate: fc.boolean(),
      epoch: fc.constantFrom(0, 1, 2, 3, 3, 3),
      wrongDigest: fc.constantFrom(false, false, false, true),
      from: fc.integer({ min: 290, max: 360 }),
      seconds: fc.integer({ min: 0, max: 20 }),
      runner: fc.constantFrom('r-0', 'r-1'),
      series: fc.constantFrom('s-0', 's-1'),
      excluded: fc.constantFrom(false, false, true),
    });
    const step = fc.record({
      windows: fc.nat(6),
      commits: fc.constantFrom(0, 1, 2, STAGE_COMMITS.length),
      restart: fc.boolean(),
    });
    let countedSomething = 0;
    fc.assert(
      fc.property(fc.array(shape, { maxLength: 40 }), fc.array(step, { maxLength: 8 }), (shapes, steps) => {
        const windows = shapes.map(measured);
        const book = kept(windows, steps);
        assert.deepEqual(book, kept(windows, [{ windows: 0, commits: STAGE_COMMITS.length, restart: false }]));
        const { candidate, stable } = countedByHand(windows);
        assert.deepEqual([book?.total?.requests ?? 0, book?.stableRequests], [candidate, stable]);
        assert.equal(book?.total?.latency.count ?? 0, candidate);
        if (candidate > 0) countedSomething++;
      }),
      { numRuns: 500 },
    );
    assert.ok(countedSomething > 100, `${countedSomething} histories counted something`);
  });

  const of3 = (...shapes: readonly Partial<Shape>[]): StageTelemetry => {
    const world = worldAfter();
    const book = telemetryBook(() => world, OPTIONS);
    for (const [index, one] of shapes.entries())
      book.add(at(index + 1, measured({ candidate: true, epoch: 3, from: 310, ...one })));
    return book.of(MODEL) ?? assert.fail('open');
  };

  it('counts nothing from before every runner served', () => {
    assert.equal(of3({ from: 309 }, { from: 310 }).total?.requests, 3);
    assert.equal(of3({ candidate: false, from: 309 }, { candidate: false, from: 310 }).stableRequests, 3);
  });

  it('counts nothing of another epoch or digest, for neither side', () => {
    const others = of3(
      { epoch: 2 },
      { wrongDigest: true },
      { candidate: false, epoch: 2 },
      { candidate: false, epoch: 0 },
    );
    assert.deepEqual([others.total, others.stableRequests], [undefined, 0]);
  });

  it('counts what a runner restarted or set back measures, and nothing of a series twice', () => {
    assert.equal(of3({}, {}).total?.requests, 3);
    assert.equal(of3({ from: 330 }, { from: 320 }).total?.requests, 3);
    assert.equal(of3({ from: 330 }, { from: 320, series: 's-1' }, { from: 330 }).total?.requests, 6);
    assert.equal(of3({}, { runner: 'r-1' }, { candidate: false }).total?.requests, 6);
  });

  it('says which window does not count again', () => {
    const world = worldAfter();
    const told: string[] = [];
    const onPassedOver = ({ seq }: StoredWindow, reason: string) => void told.push(`${seq}: ${reason}`);
    const book = telemetryBook(() => world, { ...OPTIONS, onPassedOver });
    const one = measured({ candidate: true, epoch: 3, from: 310 });
    for (const seq of [7, 8, 8, 7]) book.add(at(seq, one));
    assert.deepEqual(told, [
      `8: windows of r-0 for 1.0 (live) are counted up to ${second(320)}, and it ends at ${second(320)}`,
    ]);
  });

  it('counts no window that ends long after it was stored', () => {
    const world = worldAfter();
    const told: string[] = [];
    const onPassedOver = ({ seq }: StoredWindow, reason: string) => void told.push(`${seq}: ${reason}`);
    const book = telemetryBook(() => world, { ...OPTIONS, onPassedOver });
    for (const [seq, from] of [310, 1000, 330].entries())
      book.add({ seq: seq + 1, storedAt: second(350), window: measured({ candidate: true, epoch: 3, from }) });
    assert.equal(book.of(MODEL)?.total?.requests, 6);
    assert.match(told.join(), /^2: it ends at .*, 660 s after it was stored; the clock of its runner/);
  });

  it('asks for the stream when windows of a stage to come did not find room', () => {
    let world = worldAfter(STAGE_COMMITS.length - 2);
    const options = { ...OPTIONS, mostWaiting: 3 };
    let book: TelemetryBook = telemetryBook(() => world, options);
    const ahead = measured({ candidate: true, epoch: 3, from: 310 });
    for (let seq = 1; seq <= 4; seq++) book.add(at(seq, ahead));
    assert.equal(book.isGapped, false);
    book = telemetryBook(() => world, options, bookState.parse(JSON.parse(JSON.stringify(book.state()))));
    world = worldAfter();
    book.of(MODEL);
    assert.equal(book.isGapped, true);
  });

  it('counts the windows of stable from a runner that does not say beside what, while the stage serves', () => {
    const { besideEpoch: _, ...unsaid } = measured({ candidate: false, epoch: 3, from: 310 });
    const world = worldAfter();
    const book = telemetryBook(() => world, OPTIONS);
    book.add(at(1, unsaid));
    assert.equal(book.of(MODEL)?.stableRequests, 3);
  });
});

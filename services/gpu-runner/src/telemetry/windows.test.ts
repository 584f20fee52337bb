import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { quantile, telemetryWindow } from '@conclave/contracts';
import fc from 'fast-check';
import { trafficOf } from '../routing/traffic.ts';
import { desiring } from '../testing/desired-traffic.ts';
import { type Role, Windows } from './windows.ts';

const both: ReadonlySet<Role> = new Set<Role>(['stable', 'candidate']);
const traffic = (share: number, stageEpoch: number, evaluationId?: string) =>
  trafficOf({
    desired: desiring(1, { share, stageEpoch }),
    confirmed: true,
    candidateReady: true,
    test: evaluationId === undefined ? undefined : { evaluationId, phase: 'stable_only' },
  });

describe('measurement windows', () => {
  it('count answered and failed requests and those within the threshold', () => {
    const windows = new Windows('runner-0', 'tiny', 0);
    windows.switchTo(traffic(0.5, 1), 50, both, 0);
    for (const latencyMs of [10, 50, 51]) windows.record(windows.ticket('candidate'), { answered: true, latencyMs });
    windows.record(windows.ticket('candidate'), { answered: false, latencyMs: 20 });
    const [stable, candidate] = windows.roll(both, 10_000);
    assert.ok(stable !== undefined && candidate !== undefined);
    assert.doesNotThrow(() => telemetryWindow.parse(candidate));
    const { requests, errors, withinSlo, latency, version, stageEpoch, rolloutId, mode, from, to } = candidate;
    assert.deepEqual([requests, errors, withinSlo, latency.count], [4, 1, 2, 3]);
    assert.deepEqual([version, stageEpoch, rolloutId, mode], ['1.1', 1, 'r-1', 'live']);
    assert.deepEqual([from, to], ['1970-01-01T00:00:00.000Z', '1970-01-01T00:00:10.000Z']);
    assert.ok(Math.abs((quantile(latency, 1) ?? 0) - 51) < 1);
    assert.deepEqual(
      [stable.version, stable.requests, stable.stageEpoch, stable.rolloutId],
      ['1.0', 0, undefined, undefined],
    );
  });

  it('keep the time that a request waited in vain as a lower bound of its latency', () => {
    const windows = new Windows('runner-0', 'tiny', 0);
    windows.switchTo(traffic(0.5, 1), 50, both, 0);
    windows.record(windows.ticket('candidate'), { answered: false, latencyMs: 5000 });
    const candidate = windows.roll(both, 1000)[1] ?? assert.fail('no window');
    assert.deepEqual([candidate.errors, candidate.withinSlo, candidate.latency.count], [1, 0, 1]);
    assert.ok(Math.abs((quantile(candidate.latency, 0.95) ?? 0) - 5000) < 100);
  });

  it('are given empty only for versions that were ready', () => {
    const windows = new Windows('runner-0', 'tiny', 0);
    windows.switchTo(traffic(0.5, 1), 50, both, 0);
    assert.deepEqual(
      windows.roll(new Set<Role>(['stable']), 1000).map(({ version }) => version),
      ['1.0'],
    );
    assert.deepEqual(windows.roll(new Set<Role>(), 2000), []);
    windows.record(windows.ticket('candidate'), { answered: false, latencyMs: 1 });
    assert.deepEqual(
      windows.roll(new Set<Role>(), 3000).map(({ version, errors }) => [version, errors]),
      [['1.1', 1]],
    );
  });

  it('of a series end one after the other, also when two are closed in one millisecond or the clock is set back a little', () => {
    const told: number[] = [];
    const windows = new Windows('runner-0', 'tiny', 0, (bySeconds) => told.push(bySeconds));
    windows.switchTo(traffic(0.5, 1), 50, both, 0);
    const ends = [1000, 1000, 500, 900, 2000].map((at) => {
      windows.record(windows.ticket('candidate'), { answered: true, latencyMs: 1 });
      const closed = windows.roll(both, at).find(({ version }) => version === '1.1') ?? assert.fail('no window');
      assert.ok(closed.from <= closed.to);
      return { series: closed.series, to: Date.parse(closed.to), requests: closed.requests };
    });
    assert.deepEqual(
      ends.map(({ to, requests }) => [to, requests]),
      [
        [1000, 1],
        [1001, 1],
        [1002, 1],
        [1003, 1],
        [2000, 1],
      ],
    );
    assert.equal(new Set(ends.map(({ series }) => series)).size, 1);
    assert.deepEqual(told, []);
  });

  it('begin another series, with all their requests, when the clock is set back further, and say so', () => {
    const told: number[] = [];
    const windows = new Windows('runner-0', 'tiny', 100_000, (bySeconds) => told.push(bySeconds));
    windows.switchTo(traffic(0.5, 1), 50, both, 100_000);
    const close = (at: number) => {
      windows.record(windows.ticket('candidate'), { answered: true, latencyMs: 1 });
      return windows.roll(both, at).find(({ version }) => version === '1.1') ?? assert.fail('no window');
    };
    const [before, during, after] = [close(110_000), close(50_000), close(60_000)];
    assert.notEqual(during.series, before.series);
    assert.equal(after.series, during.series);
    assert.deepEqual([during.from, during.to, during.requests], [after.from, new Date(50_000).toISOString(), 1]);
    assert.deepEqual(told, [60]);
  });

  it('of stable say beside which stage they were measured', () => {
    const windows = new Windows('runner-0', 'tiny', 0);
    windows.switchTo(traffic(0.5, 7), 50, both, 0);
    assert.deepEqual(
      windows.roll(both, 1000).map(({ stageEpoch, besideEpoch }) => [stageEpoch, besideEpoch]),
      [
        [undefined, 7],
        [7, undefined],
      ],
    );
  });

  it('say why they are no evidence', () => {
    const windows = new Windows('runner-0', 'tiny', 0);
    windows.switchTo(traffic(0.5, 1, 'e-1'), 50, both, 0);
    assert.deepEqual(
      windows.roll(both, 1000).map(({ excluded }) => excluded),
      ['rollback_test e-1', 'rollback_test e-1'],
    );
  });

  it('never span a switch: what was routed before it counts at most before it', () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('route' as const) }),
      fc.record({ do: fc.constant('end' as const), which: fc.nat(20) }),
      fc.record({ do: fc.constant('switch' as const) }),
      fc.record({ do: fc.constant('roll' as const) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const windows = new Windows('runner-0', 'tiny', 0);
        let [epoch, at, routed, counted] = [1, 0, 0, 0];
        windows.switchTo(traffic(0.5, epoch), 50, both, 0);
        const open: { ticket: ReturnType<Windows['ticket']>; epoch: number }[] = [];
        const expected = new Map<number, number>();
        let seenTo = 0;
        const check = (closed: ReturnType<Windows['roll']>) => {
          for (const window of closed.filter(({ version }) => version === '1.1')) {
            assert.equal(window.stageEpoch, epoch);
            assert.ok(Date.parse(window.from) >= seenTo);
            counted += window.requests;
            expected.set(epoch, (expected.get(epoch) ?? 0) - window.requests);
          }
          seenTo = at;
        };
        for (const one of steps) {
          at += 100;
          if (one.do === 'route') {
            open.push({ ticket: windows.ticket('candidate'), epoch });
            routed++;
          } else if (one.do === 'end') {
            const [ended] = open.splice(one.which % Math.max(open.length, 1), 1);
            if (ended === undefined) continue;
            windows.record(ended.ticket, { answered: true, latencyMs: 1 });
            if (ended.epoch === epoch) expected.set(epoch, (expected.get(epoch) ?? 0) + 1);
          } else if (one.do === 'switch') {
            check(windows.switchTo(traffic(0.5, epoch + 1), 50, both, at));
            epoch++;
          } else check(windows.roll(both, at));
        }
        check(windows.roll(both, at + 100));
        assert.ok([...expected.values()].every((rest) => rest === 0));
        assert.equal(counted + windows.late + open.length, routed);
      }),
    );
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { emptySketch, type TelemetryWindow } from '@conclave/contracts';
import { WindowOrder } from './window-order.ts';

const at = (ms: number): string => new Date(ms).toISOString();

function window(to: number, labels: Partial<TelemetryWindow> & { begins?: number } = {}): TelemetryWindow {
  const { begins = to - 10, ...rest } = labels;
  return {
    ...{ kind: 'window', runner: 'r-0', series: 's-0', model: 'm', version: '1.0', digest: `sha256:${'0'.repeat(64)}` },
    ...{ mode: 'live', from: at(begins), to: at(to), requests: 1, errors: 0, withinSlo: 1, latencyThresholdMs: 50 },
    latency: emptySketch(),
    ...rest,
  };
}

describe('the order of windows', () => {
  it('passes over what does not end after the last of its runner, series, version and mode', () => {
    const order = new WindowOrder();
    assert.equal(order.refuse(window(100)), undefined);
    assert.match(order.refuse(window(100)) ?? '', /counted up to .*\.100Z, and it ends at .*\.100Z/);
    assert.match(order.refuse(window(99)) ?? '', /counted up to/);
    for (const other of [{ runner: 'r-1' }, { series: 's-1' }, { version: '1.1' }, { mode: 'mirror' } as const])
      assert.equal(order.refuse(window(99, other)), undefined, JSON.stringify(other));
    assert.equal(order.refuse(window(101)), undefined);
  });

  it('passes over a window that ends before it begins', () => {
    assert.match(new WindowOrder().refuse(window(100, { begins: 101 })) ?? '', /before it begins/);
  });

  it('is the same after it was written down', () => {
    const order = new WindowOrder();
    for (let start = 0; start < 20; start++) order.refuse(window(start * 100, { series: `s-${start}` }));
    const again = new WindowOrder(JSON.parse(JSON.stringify(order.marks())));
    assert.deepEqual(again.marks(), order.marks());
    assert.match(again.refuse(window(1900, { series: 's-19' })) ?? '', /counted up to/);
  });

  it('keeps a bounded number of series of a runner, and lets none of the forgotten ones in again', () => {
    const order = new WindowOrder();
    for (let start = 0; start < 1000; start++)
      assert.equal(order.refuse(window(start * 100, { series: `s-${start}` })), undefined);
    assert.ok((order.marks()[0]?.series.length ?? 0) <= 16);
    assert.match(order.refuse(window(500, { series: 's-5' })) ?? '', /nobody remembers/);
    assert.equal(order.refuse(window(100_100, { series: 's-1000' })), undefined);
  });
});

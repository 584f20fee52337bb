import { s } from './dom.js';

const BAR = { width: 180, height: 26, pad: 6 };

/** A gate's value and interval against its threshold; the side that passes is shaded. Null where a line says nothing. */
export function rangeBar(gate) {
  if (gate.value === null || gate.measure === 'incidents' || gate.measure === 'rollback_test') return null;
  const { value, interval, threshold, operator } = gate;
  const marks = [value, threshold, interval?.low ?? value, interval?.high ?? value];
  const isLow = gate.measure === 'latency';
  const least = isLow ? 0 : Math.min(...marks);
  const most = gate.measure === 'share' ? Math.min(1, Math.max(...marks)) : Math.max(...marks);
  const margin = (most - least || Math.abs(threshold) || 1) * 0.18;
  const from = isLow ? 0 : least - margin;
  const to = most + margin;
  const x = (v) => BAR.pad + ((v - from) / (to - from)) * (BAR.width - 2 * BAR.pad);
  const middle = BAR.height / 2;
  const limit = x(threshold);
  const passesAbove = operator === '>=';
  return s(
    'svg',
    { class: `range ${gate.outcome}`, viewBox: `0 0 ${BAR.width} ${BAR.height}`, role: 'img', 'aria-label': gate.line },
    s('rect', {
      class: 'passing',
      x: passesAbove ? limit : BAR.pad,
      y: middle - 7,
      width: Math.max(0, passesAbove ? BAR.width - BAR.pad - limit : limit - BAR.pad),
      height: 14,
      rx: 3,
    }),
    s('line', { class: 'axis', x1: BAR.pad, x2: BAR.width - BAR.pad, y1: middle, y2: middle }),
    interval &&
      s('rect', {
        class: 'interval',
        x: x(interval.low),
        y: middle - 3,
        width: Math.max(2, x(interval.high) - x(interval.low)),
        height: 6,
        rx: 3,
      }),
    s('line', { class: 'threshold', x1: limit, x2: limit, y1: 3, y2: BAR.height - 3 }),
    s('circle', { class: 'value', cx: x(value), cy: middle, r: 4 }),
  );
}

const CHART = { width: 320, height: 72 };

/** Lines over the last minutes, one for each version. `lines`: [{ className, points: [{ at, value }] }]; a null value breaks a line. */
export function sparkline(label, lines, now, keptSeconds) {
  const values = lines.flatMap((line) => line.points.map((p) => p.value).filter((v) => v !== null));
  const most = Math.max(1e-9, ...values) * 1.15;
  const starts = lines.flatMap((line) => line.points.map((p) => Date.parse(p.at)));
  const start = Math.max(now - keptSeconds * 1000, Math.min(now - 60_000, ...starts));
  const x = (at) => ((Date.parse(at) - start) / (now - start)) * CHART.width;
  const y = (v) => CHART.height - 4 - (v / most) * (CHART.height - 10);
  return s(
    'svg',
    {
      class: 'spark',
      viewBox: `0 0 ${CHART.width} ${CHART.height}`,
      preserveAspectRatio: 'none',
      role: 'img',
      'aria-label': label,
    },
    [0.25, 0.5, 0.75].map((part) =>
      s('line', { class: 'grid', x1: 0, x2: CHART.width, y1: CHART.height * part, y2: CHART.height * part }),
    ),
    s('line', { class: 'axis', x1: 0, x2: CHART.width, y1: CHART.height - 4, y2: CHART.height - 4 }),
    lines.map((line) => s('path', { class: `line ${line.className}`, d: path(line.points, x, y) })),
  );
}

function path(points, x, y) {
  let isOpen = false;
  let d = '';
  for (const { at, value } of points) {
    if (value === null) {
      isOpen = false;
      continue;
    }
    d += `${isOpen ? 'L' : 'M'}${x(at).toFixed(1)} ${y(value).toFixed(1)}`;
    isOpen = true;
  }
  return d;
}

import { rangeBar } from './charts.js';
import { h } from './dom.js';
import { count } from './format.js';

/** The gates of a stage as a table; the whole line and the sentence show on hover. */
export function gateTable(current) {
  return h(
    'table',
    { class: 'gates' },
    h('caption', { class: 'visually-hidden' }, `Gates of stage epoch ${current.stageEpoch}`),
    h(
      'thead',
      null,
      h(
        'tr',
        null,
        ['Gate', 'Value', 'Interval and threshold', 'Samples', 'Outcome'].map((name) =>
          h('th', { scope: 'col' }, name),
        ),
      ),
    ),
    h('tbody', null, current.gates.map(gateRow)),
  );
}

const OUTCOMES = {
  pass: '✓ pass',
  fail: '✗ fail',
  inconclusive: '! inconclusive',
  error: '! error',
  running: '… running',
  pending: '· pending',
};

function gateRow(gate) {
  const notes = [gate.dryRun && 'dry run', gate.override && `overridden by ${gate.override.by}`].filter(Boolean);
  const sentence = gate.override
    ? `${gate.sentence}. Overridden by ${gate.override.by}: ${gate.override.reason}`
    : gate.sentence;
  return h(
    'tr',
    { 'data-key': gate.gate, title: `${gate.line}\n${sentence}\nSource: ${gate.source}` },
    h(
      'th',
      { scope: 'row' },
      gate.gate,
      notes.map((note) => h('span', { class: 'note-inline' }, note)),
    ),
    h('td', { class: 'number' }, gate.shown, h('span', { class: 'needs' }, `needs ${gate.needs}`)),
    h('td', { class: 'bar' }, rangeBar(gate)),
    h('td', { class: 'number samples' }, samples(gate)),
    h(
      'td',
      { class: 'outcome' },
      h('span', { class: `chip ${gate.outcome}` }, OUTCOMES[gate.outcome]),
      h('span', { class: 'visually-hidden' }, sentence),
    ),
  );
}

function samples({ samples: n, minSamples, measure }) {
  if (measure === 'incidents') return '';
  return minSamples > 0
    ? [`n ${count(n)}`, h('span', { class: 'needs' }, `min ${count(minSamples)}`)]
    : `n ${count(n)}`;
}

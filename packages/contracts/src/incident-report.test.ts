import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseIncident, readIncident, severityOf } from './incident-report.ts';

const P0 = { severity: 'P0', title: 'search is down' };

const severities = [
  ['p0', 'P0'],
  [' P0\n', 'P0'],
  ['P-0', 'P0'],
  ['sev0', 'P0'],
  ['SEV-1', 'P0'],
  ['Critical', 'P0'],
  [0, 'P0'],
  ['Priority 0', 'P0'],
  ['p1', 'P1'],
  ['HIGH', 'P1'],
  ['p2', 'P2'],
  ['warning', 'P2'],
  ['P3 ', 'P3'],
] as const;
for (const [written, severity] of severities)
  test(`severity ${JSON.stringify(written)} is ${severity}`, () => assert.equal(severityOf(written), severity));

for (const written of ['P9', '', 'urgent', 'constructor', 'p00', true, null, [], { p: 0 }, undefined])
  test(`severity ${JSON.stringify(written)} cannot be read`, () => {
    assert.equal(severityOf(written), undefined);
    assert.throws(() => readIncident({ severity: written, title: 'x' }), { code: 'CVE_INCIDENT_INVALID' });
  });

for (const report of ['search is down', 7, null, [], [P0], {}, { title: 'x' }])
  test(`a report that is ${JSON.stringify(report)} has no severity`, () =>
    assert.throws(() => readIncident(report), {
      code: 'CVE_INCIDENT_INVALID',
      message: /no severity that can be read/,
    }));

test('a report as it should be is taken as it is', () => {
  const report = { ...P0, id: 'pager-7', detail: 'since noon', model: 'emoji-search', source: 'pager' };
  assert.deepEqual(readIncident(report, ['emoji-search']), { report, doubts: [], unusable: [] });
});

test('fields are found in any case, and null is as good as absent', () => {
  const { report } = readIncident({ Severity: 'P0', TITLE: 'down', model: null, id: null, detail: null, source: null });
  assert.deepEqual(report, { severity: 'P0', title: 'down', detail: '', source: '' });
});

test('a title that is too long is cut, and stands whole in the detail', () => {
  const title = 'x'.repeat(301);
  const { report, doubts } = readIncident({ ...P0, title });
  assert.equal(report.title.length, 300);
  assert.ok(report.detail.includes(title));
  assert.deepEqual(doubts, ['its title had 301 characters and was cut']);
});

test('a detail without end is cut', () => {
  assert.equal(readIncident({ ...P0, detail: 'x'.repeat(50_000) }).report.detail.length, 4000);
});

test('a report without a title counts, and says so', () => {
  for (const title of [undefined, null, '', '  '])
    assert.equal(readIncident({ severity: 'p0', title }).report.title, 'an incident without a title');
});

test('what nobody asked for is kept in the detail', () => {
  const { report } = readIncident({ ...P0, labels: { team: 'search' } });
  assert.match(report.detail, /other fields: \{"labels":\{"team":"search"\}\}/);
});

test('an incident on a model that does not exist is one on all models, and names the one probably meant', () => {
  const { report, doubts } = readIncident({ ...P0, model: 'emoji-serach' }, ['emoji-search']);
  assert.equal(report.model, undefined);
  assert.match(
    doubts.join(),
    /"emoji-serach", which does not exist \(did you mean "emoji-search"\? known: emoji-search\)/,
  );
  assert.equal(readIncident({ ...P0, model: ' Emoji-Search ' }, ['emoji-search']).report.model, 'emoji-search');
  for (const model of [7, ['emoji-search'], 'Emoji Search', 'constructor'])
    assert.equal(readIncident({ ...P0, model }, ['emoji-search']).report.model, undefined);
});

test('an id that cannot be one does not cost the report, but whoever waits for the answer is told', () => {
  for (const id of ['pager#7', '', 'x'.repeat(300), ['a'], 'constructor'])
    assert.equal(readIncident({ ...P0, id }).report.id, undefined);
  assert.equal(readIncident({ ...P0, id: 7 }).report.id, '7');
  assert.throws(() => parseIncident({ ...P0, id: 'pager#7' }), /its id does not count, must be letters.*"pager#7"/);
});

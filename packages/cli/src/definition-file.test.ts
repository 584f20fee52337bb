import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { readDefinition } from './definition-file.ts';

const HEAD = 'apiVersion: conclave/v1\nkind: ModelRollout\nmetadata: { name: x }\n';
const SPEC = 'spec:\n  model: a\n  version: "1"\n  dataset: d\n';
const inline = (fields: string): string => `${HEAD}spec: { ${fields} }\n`;

suite('a rollout file', () => {
  const dir = mkdtempSync(join(tmpdir(), 'conclave-definition-'));
  after(() => rmSync(dir, { recursive: true }));
  const read = (text: string | Uint8Array) => {
    const file = join(dir, 'r.yaml');
    writeFileSync(file, text);
    return readDefinition(file);
  };

  const refused: readonly (readonly [what: string, text: string | Uint8Array, says: RegExp])[] = [
    [
      'with an unquoted version',
      inline('model: c, version: 1.10, dataset: c'),
      /r\.yaml: spec\.version: 1\.10 is a number to YAML.*quote it: "1\.10" \(line 4\)/,
    ],
    ['with a version in hex', inline('model: c, version: 0x10, dataset: c'), /quote it: "0x10" \(line 4\)/],
    [
      'with a number for a dataset',
      inline('model: c, version: "1", dataset: 2024'),
      /spec\.dataset: 2024 .*quote it: "2024"/,
    ],
    [
      'with a boolean for a name',
      inline('model: true, version: "1", dataset: c'),
      /true is a boolean.*quote it: "true"/,
    ],
    [
      'with nothing where a text belongs',
      inline('model: , version: "1", dataset: ~'),
      /spec\.model: is empty.*spec\.dataset: is empty/,
    ],
    [
      'in CRLF with an unquoted version',
      inline('model: c, version: 1.10, dataset: c').replaceAll('\n', '\r\n'),
      /quote it: "1\.10" \(line 4\)/,
    ],
    [
      'in YAML 1.1, where on is no text',
      `%YAML 1.1\n---\n${inline('model: on, version: "1", dataset: c')}`,
      /on is a boolean.*quote it: "on" \(line 6\)/,
    ],
    [
      'in JSON with an unquoted version',
      '{"spec":{"model":"m","version":1.10,"dataset":"d"}}',
      /quote it: "1\.10" \(line 1\)/,
    ],
    ['with a key twice', `${HEAD}${SPEC}  model: b\n`, /r\.yaml: line 8: "model" stands twice in one mapping/],
    ['in JSON with a key twice', '{"kind":"a",\n"kind":"b"}', /line 2: "kind" stands twice/],
    [
      'with a gate that is not required',
      `${HEAD}${SPEC}  gates:\n    - { name: n, source: incidents, required: false }\n`,
      /spec\.gates\.0: unknown key "required": .*for required: false write dryRun: true/,
    ],
    [
      'that says on where true is meant',
      `${HEAD}${SPEC}  gates:\n    - { name: n, source: evaluation, metric: ndcg@10, threshold: 0.7, dryRun: on }\n`,
      /spec\.gates\.0\.dryRun: "on" is a text to YAML; write true or false \(line 9\)/,
    ],
    [
      'with a figure in quotes',
      `${HEAD}${SPEC}  gates:\n    - { name: n, source: evaluation, metric: ndcg@10, threshold: "0.7" }\n`,
      /threshold: "0\.7" is a text; write a number without quotes \(line 9\)/,
    ],
    ['with a key that is none', `${HEAD}${SPEC}  gate: []\n`, /spec: unknown key "gate" \(line 8\)/],
    ['that lacks a key', `${HEAD}spec:\n  model: a\n  version: "1"\n`, /spec\.dataset: is missing \(line 5\)/],
    ['of another kind', 'apiVersion: argoproj.io/v1alpha1\nkind: Rollout\n', /kind: .*\(got "Rollout"\) \(line 2\)/],
    ['with a merge key of what is no mapping', `${HEAD}${SPEC}  <<: 7\n`, /merge keys \(<<\)/],
    ['with an alias of nothing', `${HEAD}spec: *nope\n`, /anchor.*nope/],
    [
      'whose fault came in by a merge key',
      `${HEAD}${SPEC}  gates:\n    - &a { name: a, source: evaluation, metric: ndcg@10, threshold: 7 }\n    - { <<: *a, name: b }\n`,
      /spec\.gates\.1\.threshold: .*\(line 9\)/,
    ],
    ['of two documents', `${HEAD}${SPEC}---\n${HEAD}${SPEC}`, /holds 2 documents, the second from line 9 on/],
    ['that is indented by a tab', `${HEAD}spec:\n\tmodel: a\n`, /line 5: Tabs are not allowed as indentation/],
    ['that is empty', '', /it is empty; a rollout file is one mapping/],
    ['that is a comment', '# nothing\n', /it is empty/],
    ['that is a list', `- ${HEAD}`.replaceAll('\n', '\n  '), /holds a list/],
    ['that is a text', 'hello', /holds "hello"/],
    ['that is broken', inline('model: a').replace('}\n', '\n').replace(' }', ''), /line \d+: /],
    ['that is no text', Uint8Array.from([0xff, 0xfe, 0x41, 0x00]), /it is no text in UTF-8/],
    [
      'by which nothing is measured',
      `${HEAD}${SPEC}  gates:\n    - { name: p0, source: incidents }\n`,
      /spec\.gates: no gate that decides measures the candidate.*\(line 9\)/,
    ],
  ];
  for (const [what, text, says] of refused)
    test(`${what} is refused with the line and what it says there`, () =>
      assert.throws(() => read(text), { code: 'CVE_ROLLOUT_INVALID', message: says }));

  test('takes what a merge key brings, and what stands beside it wins', () => {
    const { gates } = read(
      `${HEAD}${SPEC}  gates:\n    - &lat { name: lat, source: telemetry, metric: latency_p95_ms, operator: "<", threshold: 500 }\n    - { <<: *lat, name: strict, threshold: 400, dryRun: true }\n`,
    ).spec;
    assert.deepEqual(
      gates.map((g) => [g.name, g.source, g.threshold, g.dryRun]),
      [
        ['lat', 'telemetry', 500, false],
        ['strict', 'telemetry', 400, true],
      ],
    );
  });

  test('takes on, off, yes, no and dates as the names they are', () => {
    const { spec } = read(inline('model: on, version: 2024-01-01, dataset: no'));
    assert.deepEqual([spec.model, spec.version, spec.dataset], ['on', '2024-01-01', 'no']);
  });

  test('takes JSON with tabs, a byte order mark, and empty documents around it', () => {
    const json = JSON.stringify(read(inline('model: m, version: "1.0", dataset: d')), null, '\t');
    assert.equal(read(json).spec.version, '1.0');
    assert.equal(read(`\ufeff${HEAD}${SPEC}`).spec.model, 'a');
    assert.equal(read(`---\n${HEAD}${SPEC}...\n---\n# nothing\n`).spec.model, 'a');
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { distributionMirrors, parseSources } from './apt-sources.mjs';

const debian = { codename: 'bookworm', component: 'main' };

test('reads one-line sources with options, comments and several components', () => {
  const text = [
    '# deb http://commented.example/debian bookworm main',
    'deb [arch=amd64 signed-by=/usr/share/keyrings/a.gpg] http://mirror.example/debian bookworm main contrib # ours',
    'deb-src http://mirror.example/debian bookworm main',
    'deb mirror+file:/etc/apt/mirrors.txt bookworm-updates main',
  ].join('\n');
  assert.deepEqual(parseSources(text, 'one-line'), [
    {
      uri: 'http://mirror.example/debian',
      suite: 'bookworm',
      components: ['main', 'contrib'],
      signedBy: '/usr/share/keyrings/a.gpg',
    },
    { uri: 'mirror+file:/etc/apt/mirrors.txt', suite: 'bookworm-updates', components: ['main'], signedBy: undefined },
  ]);
});

test('reads deb822 sources: one entry per URI and suite, disabled stanzas left out, an inline key kept as written', () => {
  const key = '\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQINBF\n -----END PGP PUBLIC KEY BLOCK-----';
  const text = [
    'Types: deb deb-src',
    '# a comment within',
    'URIs: http://a.example/debian http://b.example/debian',
    'Suites: bookworm',
    '  bookworm-updates',
    'Components: main',
    `Signed-By:${key}`,
    '',
    'Types: deb',
    'URIs: http://off.example/debian',
    'Suites: bookworm',
    'Components: main',
    'Enabled: no',
  ].join('\n');
  const entries = parseSources(text, 'deb822');
  assert.deepEqual(
    entries.map(({ uri, suite }) => `${uri} ${suite}`),
    [
      'http://a.example/debian bookworm',
      'http://a.example/debian bookworm-updates',
      'http://b.example/debian bookworm',
      'http://b.example/debian bookworm-updates',
    ],
  );
  assert.ok(entries.every(({ signedBy }) => signedBy === key));
});

test("takes mirrors of the distribution's own release, official-looking ones first, each once", () => {
  const main = { suite: 'bookworm', components: ['main'] };
  const mirrors = distributionMirrors(
    [
      { uri: 'https://vendor.example/apt', ...main },
      { uri: 'http://m.example/debian', ...main },
      { uri: 'http://m.example/debian', ...main },
      { uri: 'http://m.example/debian', suite: 'bookworm-updates', components: ['main'] },
      { uri: 'https://other.example/linux/debian', suite: 'bookworm', components: ['stable'] },
    ],
    debian,
  );
  assert.deepEqual(
    mirrors.map(({ uri }) => uri),
    ['http://m.example/debian', 'https://vendor.example/apt'],
  );
});

import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { isConclaveError, messageOf } from '@conclave/contracts';
import { describeEnvFiles, envFilesOf, readEnvFiles } from './env-files.ts';

const SECRET = 'sk-ant-api03-not-to-be-shown';

function fileWith(t: TestContext, content: string | Uint8Array): string {
  const folder = mkdtempSync(join(tmpdir(), 'conclave-env-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, '.env');
  writeFileSync(file, content);
  return file;
}

suite('.env', () => {
  test('it adds what the environment lacks; what the environment has, even empty, stays', (t) => {
    const file = fileWith(t, 'OPENAI_API_KEY=from-file\nANTHROPIC_API_KEY=from-file\nGOOGLE_API_KEY=from-file\n');
    const { env, files } = readEnvFiles([file], { ANTHROPIC_API_KEY: 'from-shell', GOOGLE_API_KEY: '' });
    assert.deepEqual(env, { OPENAI_API_KEY: 'from-file', ANTHROPIC_API_KEY: 'from-shell', GOOGLE_API_KEY: '' });
    assert.deepEqual(files, [{ file, names: ['OPENAI_API_KEY'], overruled: ['ANTHROPIC_API_KEY', 'GOOGLE_API_KEY'] }]);
  });

  test('of two files the first wins; one that is not there is passed over', (t) => {
    const beside = fileWith(t, 'OPENAI_API_KEY=beside');
    const checkout = fileWith(t, 'OPENAI_API_KEY=checkout\nGOOGLE_API_KEY=checkout');
    const { env } = readEnvFiles([join(tmpdir(), 'no-such-folder', '.env'), beside, checkout], {});
    assert.deepEqual(env, { OPENAI_API_KEY: 'beside', GOOGLE_API_KEY: 'checkout' });
  });

  test('a variable left empty, as in .env.example, is not set', (t) => {
    const { env, files } = readEnvFiles([fileWith(t, 'OPENAI_API_KEY=\nGOOGLE_API_KEY=""\n')], {});
    assert.deepEqual([env, files[0]?.names], [{}, []]);
  });

  test('it is read as people write it: quotes, export, comments, byte order mark, Windows and old Mac line ends', (t) => {
    const text = '\uFEFFA=1\r\n\r\n# a comment\r\nexport B = "two words" # why\r\nC=\'x\ny\'\rD=4';
    assert.deepEqual(readEnvFiles([fileWith(t, text)], {}).env, { A: '1', B: 'two words', C: 'x\ny', D: '4' });
  });

  const refused: readonly [string, string | Uint8Array, RegExp][] = [
    ['a key without a name', `# keys\n${SECRET}\n`, /\.env, line 2, is no NAME=value; write it like OPENAI_API_KEY=/],
    ['a colon in place of =', `OPENAI_API_KEY: ${SECRET}`, /line 1, is no NAME=value/],
    ['a name with a dash', `A=1\n\nOPENAI-KEY=${SECRET}`, /line 3, is no NAME=value/],
    [
      'an open quote',
      `A="x"\nOPENAI_API_KEY="${SECRET}\nB=2\n`,
      /line 2: the " that OPENAI_API_KEY begins with is never closed/,
    ],
    ['another encoding', new Uint8Array([0xff, 0xfe, 0x41, 0, 0x3d, 0]), /is not UTF-8 text/],
  ];
  for (const [what, content, message] of refused) {
    test(`${what} is refused with its line and without its text`, (t) => {
      const file = fileWith(t, content);
      assert.throws(
        () => readEnvFiles([file], {}),
        (error) => {
          assert.ok(isConclaveError(error, 'CVE_ENVIRONMENT_INVALID'));
          assert.match(messageOf(error), message);
          assert.ok(messageOf(error).includes(file) && !messageOf(error).includes(SECRET));
          return true;
        },
      );
    });
  }

  test('one that cannot be read is refused by its name', (t) => {
    const folder = fileWith(t, '');
    rmSync(folder);
    mkdirSync(folder);
    assert.throws(() => readEnvFiles([folder], {}), /CVE_ENVIRONMENT_INVALID: .*\.env cannot be read/);
    const locked = fileWith(t, 'A=1');
    chmodSync(locked, 0o000);
    if (process.getuid?.() !== 0) assert.throws(() => readEnvFiles([locked], {}), /\.env cannot be read/);
  });

  test('it may stand beside the configuration and in the checkout, and once where both are one folder', () => {
    assert.deepEqual(envFilesOf('/srv/mine/conclave.yaml', '/opt/conclave'), ['/srv/mine/.env', '/opt/conclave/.env']);
    assert.deepEqual(envFilesOf('/opt/conclave/own.yaml', '/opt/conclave/'), ['/opt/conclave/.env']);
  });

  test('it is told by names only', (t) => {
    const file = fileWith(t, `OPENAI_API_KEY=${SECRET}\nGOOGLE_API_KEY=${SECRET}`);
    const { files } = readEnvFiles([file], { GOOGLE_API_KEY: 'other' });
    assert.deepEqual(describeEnvFiles(files), [`${file} sets OPENAI_API_KEY; GOOGLE_API_KEY stays as set before it`]);
  });
});

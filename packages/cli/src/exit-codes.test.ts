import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConclaveError, ERROR_MEANINGS, type ErrorCode, isErrorCode } from '@conclave/contracts';
import { EXIT_CODES, exitCodeOf } from './exit-codes.ts';

const cases: readonly (readonly [ErrorCode, number])[] = [
  ['CVE_ROLLOUT_NOT_ELIGIBLE', 1],
  ['CVE_HANDOFF_ID_TAKEN', 1],
  ['CVE_HANDOFF_INVALID', 2],
  ['CVE_BUS_UNAVAILABLE', 3],
  ['CVE_INFER_NOT_READY', 3],
  ['CVE_TOOL_TIMEOUT', 4],
  ['CVE_UNAUTHORIZED', 5],
  ['CVE_ACTION_UNKNOWN', 6],
];
for (const [code, exit] of cases)
  test(`${code} is exit code ${exit}`, () => assert.equal(exitCodeOf(new ConclaveError(code, '')), exit));

test('what a service could not foresee is no fault of the command line', () =>
  assert.equal(exitCodeOf(new TypeError('x is undefined')), 1));

test('every error code has an exit code of the table, and never 0', () => {
  const codes = Object.keys(ERROR_MEANINGS).filter(isErrorCode);
  const known: readonly number[] = EXIT_CODES.map(([exit]) => exit).filter((exit) => exit !== 0);
  for (const code of codes) assert.ok(known.includes(exitCodeOf(new ConclaveError(code, ''))), code);
});

test('every code that says that something does not exist is exit code 6', () => {
  const unknown = Object.keys(ERROR_MEANINGS).filter((code) =>
    /^CVE_(MODEL|ROLLOUT|DATASET|ARTIFACT|MEETING|ACTION)_UNKNOWN$/.test(code),
  );
  for (const code of unknown.filter(isErrorCode)) assert.equal(exitCodeOf(new ConclaveError(code, '')), 6);
});

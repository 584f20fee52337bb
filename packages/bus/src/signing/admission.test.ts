import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Admission, type Claimed } from './admission.ts';

const FRESH = 10;
const ROLLOUT = 'conclave.journal.rollouts.a';
const ACTION = 'conclave.journal.actions.x';

const claim = (seq: number, change: Partial<Claimed> = {}): Claimed => ({
  kind: 'rollouts',
  subject: ROLLOUT,
  seq,
  expectedSeq: 0,
  readSeq: seq - 1,
  digest: `d${seq}`,
  ...change,
});

test('a commit counts right behind the message that it expects', () => {
  const admission = new Admission();
  assert.equal(admission.admit(claim(1)), undefined);
  assert.equal(admission.admit(claim(2, { expectedSeq: 1 })), undefined);
  assert.match(admission.admit(claim(3, { expectedSeq: 1 })) ?? '', /for the place behind 1, and stands behind 2/);
  // What does not count has a place all the same.
  assert.match(admission.admit(claim(4, { expectedSeq: 2 })) ?? '', /stands behind 3/);
  assert.equal(admission.admit(claim(5, { expectedSeq: 4 })), undefined);
  admission.pass(ROLLOUT, 6, 'rollouts');
  assert.equal(admission.admit(claim(7, { expectedSeq: 6 })), undefined);
});

test('a commit that expects nothing counts once', () => {
  const admission = new Admission(undefined, FRESH);
  const abort = claim(1, { expectedSeq: 'any', digest: 'abort' });
  assert.equal(admission.admit(abort), undefined);
  assert.equal(admission.admit({ ...abort, seq: 2 }), 'it was stored before');
  assert.equal(admission.admit(claim(3, { expectedSeq: 'any', digest: 'another' })), undefined);
  // Long afterwards it is not known any more, and does not count for its age.
  for (let seq = 4; seq < 20; seq++) admission.pass(ACTION, seq, 'actions');
  assert.match(admission.admit({ ...abort, seq: 20 }) ?? '', /signed 20 messages before it was stored/);
});

test('a commit counts only shortly after it was signed, and never before', () => {
  const admission = new Admission(undefined, FRESH);
  assert.equal(admission.admit(claim(30, { readSeq: 20 })), undefined);
  assert.match(admission.admit(claim(31, { expectedSeq: 30, readSeq: 20 })) ?? '', /signed 11 messages before/);
  assert.match(
    admission.admit(claim(32, { expectedSeq: 31, readSeq: 32 })) ?? '',
    /had read 32, which was not stored yet/,
  );
});

test('the first commit of something that ended long ago cannot be stored again', () => {
  const admission = new Admission(undefined, FRESH);
  const started = claim(1, { kind: 'actions', subject: ACTION });
  assert.equal(admission.admit(started), undefined);
  assert.match(admission.admit({ ...started, seq: 2 }) ?? '', /stands behind 1/);
  for (let seq = 3; seq < 40; seq++) admission.pass(ROLLOUT, seq, 'rollouts');
  assert.match(admission.admit({ ...started, seq: 40 }) ?? '', /signed 40 messages before/);
});

test('what it keeps has a bound, whatever the history, and goes through JSON', () => {
  const admission = new Admission(undefined, FRESH);
  for (let seq = 1; seq <= 1000; seq++) {
    const subject = `conclave.journal.actions.${seq}`;
    assert.equal(admission.admit(claim(seq, { kind: 'actions', subject })), undefined);
    if (seq % 2 === 0) admission.admit(claim(seq, { kind: 'incidents', subject: `i${seq}`, expectedSeq: 'any' }));
  }
  const { heads, unexpected, kept } = admission.state();
  assert.ok(Object.keys(heads).length <= 2 * FRESH + 2, `${Object.keys(heads).length} heads`);
  assert.ok(Object.keys(unexpected).length <= FRESH + 1);
  assert.deepEqual(kept, {});
  const restored = new Admission(JSON.parse(JSON.stringify(admission.state())), FRESH);
  assert.deepEqual(restored.state(), admission.state());
});

test('a subject that lives for ever is known for ever', () => {
  const admission = new Admission(undefined, FRESH);
  admission.admit(claim(1));
  for (let seq = 2; seq < 100; seq++) admission.pass(ACTION, seq, 'actions');
  assert.match(admission.admit(claim(100)) ?? '', /for the place behind 0, and stands behind 1/);
  assert.equal(admission.admit(claim(101, { expectedSeq: 100 })), undefined);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { strictProblem } from './testing/vendor-rules.ts';
import { fromWire, jsonSchemaOf, wireSchemaOf } from './wire-schema.ts';

const schema = z.object({
  text: z.string().min(1).max(90),
  count: z.number().int().min(0).optional(),
  list: z
    .array(
      z.object({
        vote: z.enum(['go', 'no_go']),
        reason: z.string().nullable(),
        args: z.record(z.string(), z.unknown()).optional(),
      }),
    )
    .max(5)
    .default([]),
  either: z.union([z.string(), z.object({ name: z.string(), note: z.string().optional() })]).optional(),
  fixed: z.literal('a').default('a'),
});
const shape = jsonSchemaOf(schema);

test('what is sent is strict, whatever the schema holds', () => {
  assert.equal(strictProblem(wireSchemaOf(shape)), undefined);
  assert.match(JSON.stringify(wireSchemaOf(shape)), /at most 90 characters.*at most 5 items/s);
});

test('null for an optional field is absent, a null that the schema knows stays, text that holds an object is one', () => {
  const strict = {
    text: 't',
    count: null,
    list: [{ vote: 'go', reason: null, args: '{"a":{"b":null}}' }],
    either: { name: 'n', note: null },
    fixed: null,
  };
  assert.deepEqual(schema.parse(fromWire(strict, shape)), {
    text: 't',
    list: [{ vote: 'go', reason: null, args: { a: { b: null } } }],
    either: { name: 'n' },
    fixed: 'a',
  });
});

test('an answer that was written without the strict form reads the same', () => {
  const plain = {
    text: 't',
    list: [
      { vote: 'go', reason: 'r', args: { a: 1 } },
      { vote: 'no_go', reason: null, args: '' },
    ],
  };
  assert.deepEqual(
    schema.parse(fromWire(plain, shape)).list.map(({ args }) => args),
    [{ a: 1 }, {}],
  );
});

test('null for a required field is refused all the same', () => {
  assert.equal(schema.safeParse(fromWire({ text: null }, shape)).success, false);
  assert.equal(
    schema.safeParse(fromWire({ text: 't', list: [{ vote: 'go', reason: '', args: 'no JSON' }] }, shape)).success,
    false,
  );
});

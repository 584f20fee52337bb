import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type InferInput, queryLine } from '@conclave/contracts';
import { queryInputOf } from './query-input.ts';

const TEXT: InferInput = { datatype: 'BYTES', shape: [-1] };
const VECTOR: InferInput = { datatype: 'FP32', shape: [-1, 2] };
const both = queryLine.parse({ _id: 'q1', text: 'grinning cat', vector: [0.5, 1] });
const asText = { name: 'query', datatype: 'BYTES', shape: [1], data: ['grinning cat'] };
const asVector = { name: 'query', datatype: 'FP32', shape: [1, 2], data: [0.5, 1] };

test('a query goes out in the form that the version takes', () => {
  assert.deepEqual(queryInputOf(both, TEXT), asText);
  assert.deepEqual(queryInputOf(both, VECTOR), asVector);
});

test('without a known form a query goes out as its text, else as its vector', () => {
  assert.deepEqual(queryInputOf(both, undefined), asText);
  assert.deepEqual(queryInputOf({ ...both, text: '' }, undefined), asVector);
});

test('a query that lacks what the version takes is named', () => {
  assert.throws(() => queryInputOf({ ...both, vector: [1] }, VECTOR), /CVE_DATASET_INVALID: query q1 .* a vector of 2/);
  assert.throws(() => queryInputOf({ ...both, text: '' }, TEXT), /query q1 of the dataset lacks text/);
});

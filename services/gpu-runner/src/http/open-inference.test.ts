import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { until } from '@conclave/bus/testing';
import { ConclaveError, type ErrorCode, inferResponse } from '@conclave/contracts';
import { type FastifyInstance, fastify } from 'fastify';
import { splitPoint } from '../routing/split-requests.ts';
import { adopted, inStage } from '../testing/rollouts.ts';
import { type Serving, startServing } from '../testing/serving.ts';
import { textBundle, vectorBundle } from '../testing/tiny-bundle.ts';
import { serveOpenInference } from './open-inference.ts';

const texts = (...data: string[]) => ({ inputs: [{ name: 'query', datatype: 'BYTES', shape: [data.length], data }] });
const vectors = (shape: number[], data: unknown) => ({ inputs: [{ name: 'query', datatype: 'FP32', shape, data }] });

/** Numbers in [0, 1) as even as can be (multiples of the golden ratio): the draws of one test leave the share that another one meets. */
function evenly(): () => number {
  let n = 0;
  return () => (++n * 0.618_033_988_749_895) % 1;
}

describe('Open Inference Protocol over HTTP', () => {
  let serving: Serving;
  let http: FastifyInstance;

  before(async () => {
    serving = startServing(
      { '1.0': textBundle('1.0'), '1.1': textBundle('1.1', { wrong: true }) },
      { random: evenly() },
    );
    http = fastify();
    await serveOpenInference(http, serving.models);
    serving.serve(inStage('5_percent'));
  });
  after(async () => {
    await http.close();
    await serving[Symbol.asyncDispose]();
  });
  const ready = () => until(() => serving.states().join() === '1.0 ready,1.1 ready', 'both versions ready');
  const get = (url: string) => http.inject({ method: 'GET', url });
  const post = (url: string, payload: object, headers: Record<string, string> = {}) =>
    http.inject({ method: 'POST', url, payload, headers });

  it('says 503 until stable can answer, then 200', async () => {
    if (!serving.models.ready) {
      assert.equal((await get('/v2/health/ready')).statusCode, 503);
      assert.equal((await get('/v2/models/tiny/ready')).statusCode, 503);
      const early = await post('/v2/models/tiny/infer', texts('left'));
      assert.equal(early.statusCode, 503);
      assert.match(early.json().error, /^CVE_INFER_NOT_READY: tiny 1.0 is loading/);
      assert.equal(early.headers['retry-after'], '1');
    }
    await ready();
    assert.deepEqual((await get('/v2/health/ready')).json(), { ready: true });
    assert.deepEqual((await get('/v2/models/tiny/ready')).json(), { name: 'tiny', ready: true });
    assert.deepEqual((await get('/v2/health/live')).json(), { live: true });
  });

  it('says 503 and when to try again for any model, until it knows which models there are', async (t) => {
    const starting = startServing({ '1.0': textBundle('1.0') });
    const early = fastify();
    t.after(() => Promise.all([early.close(), starting[Symbol.asyncDispose]()]));
    await serveOpenInference(early, starting.models);
    const ask = (url: string, payload?: object) =>
      early.inject(payload === undefined ? { method: 'GET', url } : { method: 'POST', url, payload });
    for (const answer of [
      await ask('/v2/models/tiny/infer', texts('left')),
      await ask('/v2/models/tiny/versions/1.0/infer', texts('left')),
      await ask('/v2/models/tiny'),
      await ask('/v2/models/tiny/ready'),
    ]) {
      assert.equal(answer.statusCode, 503);
      assert.equal(answer.headers['retry-after'], '1');
      assert.match(answer.json().error, /^CVE_INFER_NOT_READY: this runner is starting/);
    }
    assert.equal((await ask('/v2/health/ready')).statusCode, 503);
    starting.models.apply([]);
    assert.equal((await ask('/v2/models/tiny/infer', texts('left'))).statusCode, 404);
    assert.equal((await ask('/v2/health/ready')).statusCode, 200);
  });

  it('splits requests and not their ids or keys: one of either for all of them gets what was asked', async () => {
    await ready();
    const share = async (request: (i: number) => [object, Record<string, string>]) => {
      let ofCandidate = 0;
      for (let i = 0; i < 100; i++) {
        const [body, headers] = request(i);
        const answer = await post('/v2/models/tiny/infer', { ...texts('left'), ...body }, headers);
        if (answer.headers['x-conclave-version'] === '1.1') ofCandidate++;
      }
      return ofCandidate;
    };
    const keys = Array.from({ length: 1000 }, (_, i) => `key-${i}`);
    const below = keys.find((key) => splitPoint('tiny', key) < 0.05) ?? assert.fail('no such key');
    const above = keys.find((key) => splitPoint('tiny', key) > 0.9) ?? assert.fail('no such key');
    let requests = 0;
    let taken = 0;
    for (const value of [below, above]) {
      taken += await share(() => [{ id: value }, {}]);
      taken += await share(() => [{}, { 'x-client-key': value }]);
      requests += 200;
      assert.ok(Math.abs(taken - 0.05 * requests) <= 3 * Math.sqrt(requests * 0.05 * 0.95) + 2, `${taken}`);
    }
    assert.ok(taken > 0);
  });

  it('describes server, model and version', async () => {
    await ready();
    assert.equal((await get('/v2')).json().name, 'conclave-gpu-runner');
    const model = (await get('/v2/models/tiny')).json();
    assert.deepEqual([model.versions, model.platform], [['1.0', '1.1'], 'onnxruntime']);
    assert.deepEqual(model.inputs, [{ name: 'query', datatype: 'BYTES', shape: [-1] }]);
    assert.equal((await get('/v2/models/tiny/versions/1.1')).json().name, 'tiny');
  });

  it('answers queries, best first, and names the version', async () => {
    await ready();
    const body = { ...texts('left', 'right'), id: 'r1', parameters: { k: 2, client_key: 'client-0' } };
    const answer = await post('/v2/models/tiny/infer', body);
    assert.equal(answer.statusCode, 200);
    assert.equal(answer.headers['x-conclave-version'], '1.0');
    const { id, model_version, outputs } = inferResponse.parse(answer.json());
    assert.deepEqual([id, model_version], ['r1', '1.0']);
    assert.deepEqual(outputs[0].shape, [2, 2]);
    assert.deepEqual(outputs[0].data, ['left', 'right', 'right', 'middle']);
    assert.deepEqual(outputs[1].data, [1, 0, 1, 0]);
  });

  it('keeps a client key from the header on one version, about a twentieth of the keys on the candidate', async () => {
    await ready();
    const versionOf = async (key: string) =>
      (await post('/v2/models/tiny/infer', texts('left'), { 'x-client-key': key })).headers['x-conclave-version'];
    const keys = Array.from({ length: 200 }, (_, i) => `client-${i}`);
    // One after the other: more at once than the queue holds may be refused.
    const versionsOfAll = async () => await Array.fromAsync(keys, versionOf);
    const first = await versionsOfAll();
    assert.deepEqual(await versionsOfAll(), first);
    const share = first.filter((version) => version === '1.1').length / keys.length;
    assert.ok(share > 0.01 && share < 0.12, `${share}`);
  });

  it('answers by a named version, whatever the split', async () => {
    await ready();
    for (const version of ['1.0', '1.1']) {
      const answer = await post(`/v2/models/tiny/versions/${version}/infer`, texts('left'));
      assert.equal(answer.headers['x-conclave-version'], version);
      assert.equal(answer.json().outputs[0].data[0], version === '1.0' ? 'left' : 'middle');
    }
  });

  const refused: Record<string, [string, object | string, number, RegExp]> = {
    'an unknown model': ['/v2/models/other/infer', texts('left'), 404, /^CVE_MODEL_UNKNOWN/],
    'an unknown version': [
      '/v2/models/tiny/versions/9/infer',
      texts('left'),
      404,
      /^CVE_MODEL_UNKNOWN.*served: 1.0, 1.1/,
    ],
    'a model name that is none': ['/v2/models/No_Name/infer', texts('left'), 400, /^CVE_INFER_INVALID/],
    'an unknown path': ['/v2/nothing', {}, 404, /^CVE_REQUEST_INVALID/],
    'no inputs': ['/v2/models/tiny/infer', {}, 400, /^CVE_INFER_INVALID: inputs/],
    'another input': [
      '/v2/models/tiny/infer',
      { inputs: [{ name: 'x', datatype: 'BYTES', shape: [1], data: ['a'] }] },
      400,
      /query/,
    ],
    'no query': ['/v2/models/tiny/infer', texts(), 400, /at least one query/],
    'too many queries': [
      '/v2/models/tiny/infer',
      texts(...Array(257).fill('a')),
      400,
      /at most 256 queries a request, got 257/,
    ],
    'k of 0': ['/v2/models/tiny/infer', { ...texts('left'), parameters: { k: 0 } }, 400, /parameters.k/],
    'a shape that does not fit': [
      '/v2/models/tiny/infer',
      { inputs: [{ ...texts('a').inputs[0], shape: [2] }] },
      400,
      /is \[2\], but data holds 1 texts/,
    ],
    'numbers as text': [
      '/v2/models/tiny/infer',
      { inputs: [{ ...texts('a').inputs[0], data: [1] }] },
      400,
      /texts are expected/,
    ],
    'vectors for a text model': ['/v2/models/tiny/infer', vectors([1, 3], [1, 2, 3]), 400, /this model takes text/],
    'a vector of another size': [
      '/v2/models/tiny/infer',
      vectors([1, 3], [1, 2]),
      400,
      /is \[1, 3\], but data holds 2 numbers/,
    ],
    'ragged vectors': ['/v2/models/tiny/infer', vectors([2, 2], [[1], [2, 3, 4]]), 400, /4 numbers in 2 rows/],
    'a vector without rows': ['/v2/models/tiny/infer', vectors([2], [1, 2]), 400, /\[n, features\] is expected/],
  };
  for (const [name, [url, body, status, message]] of Object.entries(refused)) {
    it(`refuses ${name} with ${status}`, async () => {
      await ready();
      const answer = await http.inject({ method: 'POST', url, payload: body });
      assert.equal(answer.statusCode, status, answer.body);
      assert.match(answer.json().error, message);
    });
  }

  it('takes a body as JSON whatever its type, or none, says', async () => {
    await ready();
    for (const headers of [{ 'content-type': 'application/x-www-form-urlencoded' }, {}]) {
      const payload = JSON.stringify(texts('left'));
      const answer = await http.inject({ method: 'POST', url: '/v2/models/tiny/infer', payload, headers });
      assert.equal(answer.statusCode, 200, answer.body);
    }
  });

  it('refuses a body that is no JSON with 400', async () => {
    const headers = { 'content-type': 'application/json' };
    const answer = await http.inject({ method: 'POST', url: '/v2/models/tiny/infer', payload: '{', headers });
    assert.equal(answer.statusCode, 400);
    assert.match(answer.json().error, /^CVE_INFER_INVALID/);
  });

  const statuses: [ErrorCode, number][] = [
    ['CVE_INFER_OVERLOADED', 429],
    ['CVE_INFER_FAILED', 503],
    ['CVE_INFER_NOT_READY', 503],
  ];
  for (const [code, status] of statuses) {
    it(`answers ${code} with ${status}`, async () => {
      const failing = fastify();
      const backend = {
        ready: true,
        models: [],
        router: () => {
          throw new ConclaveError(code, 'told to', { retryAfterMs: 100 });
        },
      };
      await serveOpenInference(failing, backend);
      const answer = await failing.inject({ method: 'POST', url: '/v2/models/tiny/infer', payload: texts('left') });
      assert.deepEqual([answer.statusCode, answer.json()], [status, { error: `${code}: told to` }]);
      assert.equal(answer.headers['retry-after'], '1');
    });
  }
});

describe('a user’s own vector model over HTTP', () => {
  it('takes vectors flat or nested', async () => {
    await using serving = startServing({ '1.0': vectorBundle('1.0') });
    const http = fastify();
    await serveOpenInference(http, serving.models);
    serving.serve(adopted());
    await until(() => serving.models.ready, 'ready');
    for (const data of [
      [0, 1, 0, 0, 0, 1],
      [
        [0, 1, 0],
        [0, 0, 1],
      ],
    ]) {
      const payload = { ...vectors([2, 3], data), parameters: { k: 1 } };
      const answer = await http.inject({ method: 'POST', url: '/v2/models/tiny/infer', payload });
      assert.deepEqual(answer.json().outputs[0].data, ['middle', 'right'], answer.body);
    }
    const payload = vectors([1, 2], [1, 2]);
    const refused = await http.inject({ method: 'POST', url: '/v2/models/tiny/infer', payload });
    assert.match(refused.json().error, /CVE_INFER_INVALID: this model takes vectors of 3 numbers, got 2 numbers/);
    const { inputs } = (await http.inject('/v2/models/tiny')).json();
    assert.deepEqual(inputs, [{ name: 'query', datatype: 'FP32', shape: [-1, 3] }]);
    await http.close();
  });
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type TestContext, test } from 'node:test';
import { queryInput } from '@conclave/core';
import { askInTurn, turns } from './ask-in-turn.ts';

const asked = { model: 'm', body: { inputs: [queryInput('cat')] }, clientKey: 'c', httpToken: undefined };

/** A runner that answers with `status`, and counts. */
async function runner(context: TestContext, version: string, status = 200) {
  const seen = { requests: 0, url: '' };
  const server = createServer((_request, response) => {
    seen.requests++;
    response.writeHead(status, { 'x-conclave-version': version }).end(`from ${version}`);
  }).listen(0, '127.0.0.1');
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, 'listening');
  const address = server.address();
  seen.url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  return seen;
}

/** An address where nobody listens. */
const GONE = 'http://127.0.0.1:9';

test('requests take turns on the runners', async (context) => {
  const [a, b] = [await runner(context, 'a'), await runner(context, 'b')];
  const order = turns(() => [a.url, b.url]);
  for (let i = 0; i < 4; i++) await askInTurn(order, asked);
  assert.deepEqual([a.requests, b.requests], [2, 2]);
});

test('where one is away the next one answers, and who is away is asked last for a while', async (context) => {
  const b = await runner(context, 'b');
  let retries = 0;
  const order = turns(() => [GONE, b.url]);
  for (let i = 0; i < 4; i++) assert.equal((await askInTurn(order, asked, () => retries++)).version, 'b');
  assert.deepEqual([retries, b.requests], [1, 4]);
});

for (const status of [429, 503])
  test(`a runner that answers ${status} is no reason to fail while another answers`, async (context) => {
    const [a, b] = [await runner(context, 'a', status), await runner(context, 'b')];
    assert.equal(
      (
        await askInTurn(
          turns(() => [a.url, b.url]),
          asked,
        )
      ).body,
      'from b',
    );
  });

test('what is wrong with the request is not asked elsewhere', async (context) => {
  const [a, b] = [await runner(context, 'a', 400), await runner(context, 'b')];
  await assert.rejects(
    askInTurn(
      turns(() => [a.url, b.url]),
      asked,
    ),
    /HTTP 400: from a/,
  );
  assert.equal(b.requests, 0);
});

test('when none answers, the last one says why', async () => {
  await assert.rejects(
    askInTurn(
      turns(() => [GONE]),
      asked,
    ),
    /http:\/\/127\.0\.0\.1:9: .*ECONNREFUSED|bad port/,
  );
  await assert.rejects(
    askInTurn(
      turns(() => []),
      asked,
    ),
    /no runner serves m at present/,
  );
});

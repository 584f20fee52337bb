import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Registry } from 'prom-client';
import { createHealth } from './health.ts';
import { type HttpServer, listenHttp } from './http-server.ts';
import { createLog } from './log.ts';

const TOKEN = 'a-long-enough-token';

describe('the HTTP server of a service', () => {
  let server: HttpServer;
  let url: string;
  before(async () => {
    const log = createLog({ name: 'test', instance: 't-0', level: 'silent' });
    const registry = new Registry();
    server = await listenHttp({ host: '127.0.0.1', port: 0, token: TOKEN, health: createHealth(), registry, log });
    server.routes.get('/facts', async () => 'secret');
    server.routes.get('/page', { config: { open: true } }, async () => 'how it looks');
    await server.open();
    url = `http://127.0.0.1:${server.port}`;
  });
  after(() => server.close());

  it('keeps an idle connection for longer than the minute that load balancers keep it', async () => {
    const { headers } = await fetch(`${url}/healthz`);
    assert.equal(headers.get('keep-alive'), 'timeout=75');
  });

  it('needs the token for all but health and what is marked open', async () => {
    const status = async (path: string, headers = {}): Promise<number> =>
      (await fetch(`${url}${path}`, { headers })).status;
    assert.deepEqual([await status('/facts'), await status('/nowhere'), await status('/metrics')], [401, 401, 401]);
    assert.deepEqual([await status('/healthz'), await status('/page')], [200, 200]);
    assert.equal(await status('/facts', { authorization: `Bearer ${TOKEN}` }), 200);
  });
});

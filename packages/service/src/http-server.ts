import { createHash, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { ConclaveError, isConclaveError } from '@conclave/contracts';
import { type FastifyInstance, fastify } from 'fastify';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { Health } from './health.ts';

const OPEN_PATHS: ReadonlySet<string> = new Set(['/healthz', '/readyz']);
/** Longer than the minute for which load balancers keep an idle connection, so that no request meets one that is being closed here. */
const KEEP_ALIVE_MS = 75_000;

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Answers without the token: it tells nothing about the system. */
    readonly open?: boolean;
  }
}

export interface HttpOptions {
  readonly host: string;
  readonly port: number;
  /** Bearer token that every path but /healthz, /readyz and routes with `config: { open: true }` then needs. */
  readonly token: string | undefined;
  readonly health: Health;
  readonly registry: Registry;
  readonly log: Logger;
}

export interface HttpServer {
  /** Takes routes until `open`. */
  readonly routes: FastifyInstance;
  /** The port it listens on. */
  readonly port: number;
  /** From now on the routes answer. */
  open(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Listens at once, so that health can be asked while the service still waits for NATS; until `open` only /healthz and /readyz answer.
 * @throws CVE_ENVIRONMENT_INVALID when the address is taken.
 */
export async function listenHttp(options: HttpOptions): Promise<HttpServer> {
  const routes = createRoutes(options);
  let opened = false;
  const server = createServer((request, response) => {
    if (opened) routes.routing(request, response);
    else answerEarly(options.health, request, response);
  });
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.headersTimeout = KEEP_ALIVE_MS + 5000;
  server.listen(options.port, options.host);
  await once(server, 'listening').catch((error: unknown) => {
    throw new ConclaveError(
      'CVE_ENVIRONMENT_INVALID',
      `CONCLAVE_HTTP_PORT is "${options.port}", which cannot be listened on at ${options.host}: ${String(error)}; choose a free port`,
      { cause: error },
    );
  });
  const address = server.address();
  return {
    routes,
    port: typeof address === 'object' && address !== null ? address.port : options.port,
    async open() {
      await routes.ready();
      opened = true;
    },
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
      await routes.close();
    },
  };
}

function answerEarly(health: Health, request: IncomingMessage, response: ServerResponse): void {
  const path = (request.url ?? '').split('?', 1)[0];
  const report = path === '/healthz' ? health.live() : { ...health.ready(), ok: false };
  const message = 'this service is starting and waits for NATS; try again';
  const body = JSON.stringify(
    OPEN_PATHS.has(path ?? '') ? report : { error: { code: 'CVE_BUS_UNAVAILABLE', message } },
  );
  const headers = { 'content-type': 'application/json', ...(report.ok ? {} : { 'retry-after': '1' }) };
  response.writeHead(report.ok ? 200 : 503, headers).end(body);
}

function createRoutes(options: HttpOptions): FastifyInstance {
  const routes = fastify({ logger: false, bodyLimit: 1024 * 1024 });
  const { token } = options;
  if (token !== undefined) {
    routes.addHook('onRequest', async (request, reply) => {
      const path = request.url.split('?', 1)[0] ?? '';
      if (OPEN_PATHS.has(path) || request.routeOptions.config?.open === true) return;
      if (isSameSecret(request.headers.authorization, `Bearer ${token}`)) return;
      const refusal = new ConclaveError('CVE_UNAUTHORIZED', `${path} needs the header Authorization: Bearer <token>`);
      await reply.code(401).send(errorBody(refusal));
    });
  }
  routes.setErrorHandler(async (error, request, reply) => {
    const status = isConclaveError(error) ? statusOfCode(error) : statusOf(error);
    if (status >= 500) options.log.error({ err: error, path: request.url }, 'request failed');
    await reply.code(status).send(errorBody(isConclaveError(error) ? error : hideUnexpected(error, status)));
  });
  routes.get('/healthz', async (_request, reply) => {
    const report = options.health.live();
    await reply.code(report.ok ? 200 : 503).send(report);
  });
  routes.get('/readyz', async (_request, reply) => {
    const report = options.health.ready();
    await reply.code(report.ok ? 200 : 503).send(report);
  });
  routes.get('/metrics', async (_request, reply) => {
    await reply.type(options.registry.contentType).send(await options.registry.metrics());
  });
  return routes;
}

function statusOfCode(error: ConclaveError): number {
  if (error.code === 'CVE_UNAUTHORIZED') return 403;
  if (error.code === 'CVE_MESSAGE_TOO_LARGE') return 413;
  if (error.code.endsWith('_UNKNOWN') && error.retry === 'terminal') return 404;
  return error.retry === 'terminal' ? 400 : 503;
}

function hideUnexpected(error: unknown, status: number): ConclaveError {
  if (status < 500 && error instanceof Error) return new ConclaveError('CVE_REQUEST_INVALID', error.message);
  return new ConclaveError('CVE_BUS_UNAVAILABLE', 'the request failed; see the log of this service');
}

function errorBody(error: ConclaveError): { error: { code: string; message: string } } {
  return { error: { code: error.code, message: error.message } };
}

function statusOf(error: unknown): number {
  const status: unknown = typeof error === 'object' && error !== null ? Reflect.get(error, 'statusCode') : undefined;
  return typeof status === 'number' && status >= 400 && status < 600 ? status : 500;
}

/** Compares in constant time, whatever the lengths. */
function isSameSecret(given: string | undefined, expected: string): boolean {
  const hash = (text: string): Buffer => createHash('sha256').update(text).digest();
  return given !== undefined && timingSafeEqual(hash(given), hash(expected));
}

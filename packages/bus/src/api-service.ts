import { ConclaveError, encodeToken, isConclaveError, messageOf } from '@conclave/contracts';
import type { Service, ServiceMsg } from 'nats';
import { headerOf, type Native, nativeOf, parseJson, toNatsHeaders } from './native.ts';
import type { ApiHandler, ApiService } from './ports/api.ts';
import type { Bus } from './ports/connection.ts';
import { refuseTooLarge } from './publish.ts';

interface Endpoint {
  readonly name: string;
  readonly subject: string;
  readonly handler: ApiHandler;
  readonly queue: string | undefined;
}

export interface ApiServiceOptions {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  /**
   * Queue group of all endpoints that name none of their own; any text. Instances that share it share the requests (the default); with a group of its
   * own, an instance hears every request, and the asker takes the first answer. NATS takes minutes to notice that a member of a shared
   * group stands still, and until then its share of the requests is lost.
   */
  readonly queue?: string;
}

/**
 * Serves endpoints as a NATS micro service. The library cannot take an endpoint away from a running service, so a change of endpoints
 * starts a service with the new set and then drains the old one; both share their queue group, so no request is missed.
 */
export function serveApi(bus: Bus, options: ApiServiceOptions): ApiService {
  const native = nativeOf(bus);
  const endpoints = new Set<Endpoint>();
  const running = new Set<Promise<void>>();
  let service: Service | undefined;
  let stopped = false;
  let change: Promise<void> = Promise.resolve();
  let scheduled = false;

  const rebuild = async (): Promise<void> => {
    scheduled = false;
    const old = service;
    service = stopped || endpoints.size === 0 ? undefined : await start(native, options, [...endpoints], running);
    await native.nc.flush().catch(() => undefined);
    await old?.stop();
  };
  /** Changes of one turn of the event loop become one new service. */
  const apply = (): Promise<void> => {
    if (!scheduled) {
      scheduled = true;
      // A change that failed, by an endpoint that cannot be served, must not keep the next one from being made.
      change = change.catch(() => undefined).then(rebuild);
      change.catch((error: unknown) =>
        native.logger.error({ service: options.name, reason: messageOf(error) }, 'micro service'),
      );
    }
    return change;
  };

  return {
    endpoint(name, subject, handler, endpointOptions = {}) {
      const endpoint: Endpoint = { name, subject, handler, queue: endpointOptions.queue };
      endpoints.add(endpoint);
      void apply();
      return {
        async stop() {
          endpoints.delete(endpoint);
          await apply();
        },
      };
    },
    async ready() {
      await change;
      await native.nc.flush();
    },
    async stop() {
      stopped = true;
      endpoints.clear();
      await apply();
      await Promise.allSettled(running);
    },
  };
}

async function start(
  native: Native,
  options: ApiServiceOptions,
  endpoints: readonly Endpoint[],
  running: Set<Promise<void>>,
): Promise<Service> {
  const { queue, ...named } = options;
  const service = await native.nc.services.add({ ...named, ...queueOf(queue) });
  try {
    addEndpoints(native, service, endpoints, running);
    return service;
  } catch (error) {
    await service.stop();
    throw error;
  }
}

/** A queue group by any name. NATS' client takes letters, digits, `_` and `-`, so `_` stands for what a token escapes with `=`. */
function queueOf(name: string | undefined): { queue?: string } {
  return name === undefined ? {} : { queue: encodeToken(name).replaceAll('_', '=5F').replaceAll('=', '_') };
}

function addEndpoints(
  native: Native,
  service: Service,
  endpoints: readonly Endpoint[],
  running: Set<Promise<void>>,
): void {
  for (const endpoint of endpoints) {
    service.addEndpoint(endpoint.name.replace(/[^A-Za-z0-9_-]/g, '_'), {
      subject: endpoint.subject,
      ...queueOf(endpoint.queue),
      handler: (error, message) => {
        if (error !== null) {
          native.logger.error({ endpoint: endpoint.subject, reason: error.message }, 'endpoint refused by the server');
          return;
        }
        const answering = answer(native, endpoint, message).finally(() => running.delete(answering));
        running.add(answering);
      },
    });
  }
}

async function answer(native: Native, endpoint: Endpoint, message: ServiceMsg): Promise<void> {
  try {
    refuseTooLarge(message.subject, message.data.length);
    const body = message.data.length === 0 ? undefined : parseJson(message.data, `the request to ${message.subject}`);
    const header = (name: string): string | undefined => headerOf(message.headers, name);
    const result = await endpoint.handler({ subject: message.subject, body, bytes: message.data, header });
    message.respond(JSON.stringify(result ?? null));
  } catch (error) {
    const known = isConclaveError(error);
    if (!known) native.logger.error({ endpoint: endpoint.subject, err: error }, 'an endpoint failed unexpectedly');
    const shown = known
      ? error
      : new ConclaveError('CVE_BUS_UNAVAILABLE', `${endpoint.subject} failed; see the log of its service`);
    const retryAfter =
      shown.retryAfterMs === undefined ? {} : { 'Conclave-Retry-After-Ms': String(shown.retryAfterMs) };
    message.respond(JSON.stringify({ error: { code: shown.code, message: shown.message } }), {
      headers: toNatsHeaders({
        'Nats-Service-Error-Code': shown.code,
        'Nats-Service-Error': shown.message.slice(0, 1000),
        ...retryAfter,
      }),
    });
  }
}

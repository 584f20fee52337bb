import { mkdir } from 'node:fs/promises';
import {
  type Bus,
  connectBus,
  type Journal,
  type Keyring,
  keyringFromFile,
  openJournal,
  privateKeyOf,
  waitForTopology,
} from '@conclave/bus';
import { type ConclaveConfig, ConclaveError, checkEvents, messageOf, type Writer } from '@conclave/contracts';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { type Environment, readEnvironment } from './environment.ts';
import { createHealth, type Health } from './health.ts';
import { type HttpServer, listenHttp } from './http-server.ts';
import { loadConfig } from './load-config.ts';
import { createLog } from './log.ts';
import { loadOperators, type Operators } from './operators.ts';

/** How long a stopping service may take, milliseconds; after that it exits with code 1. */
const STOP_DEADLINE_MS = 10_000;

export interface ServiceContext {
  /** Name of this instance, e.g. `planner-0`; the journal's `by`. */
  readonly instance: string;
  readonly config: ConclaveConfig;
  readonly bus: Bus;
  readonly journal: Journal;
  readonly log: Logger;
  readonly health: Health;
  /** Has /healthz, /readyz and /metrics; routes may be added until `start` has resolved. */
  readonly http: FastifyInstance;
  readonly httpPort: number;
  readonly registry: Registry;
  /** Writable directory for what may be lost. */
  readonly dataDir: string;
  readonly operators: Operators;
  /** Aborted when the service is told to stop. */
  readonly signal: AbortSignal;
}

export interface RunningService {
  /** Finishes or hands back what is under way. */
  stop(): Promise<void>;
}

export interface ServiceDefinition {
  /** Also the NATS user and the inbox prefix. */
  readonly name: 'coordinator' | 'planner' | 'executor' | 'gpu-runner' | 'metrics';
  /** `wait` (default): `start` is called when all streams exist. `own`: the service creates them itself. */
  readonly topology?: 'wait' | 'own';
  start(context: ServiceContext): Promise<RunningService>;
}

/**
 * Runs a service until it is told to stop (SIGTERM, SIGINT, closed stdin with CONCLAVE_DIE_WITH_PARENT=1), then ends the process: code 0
 * after a clean stop; 1 when starting failed, the stop took too long, NATS closed the connection for good or something was not caught.
 */
export async function runService(definition: ServiceDefinition): Promise<never> {
  const stopping = new AbortController();
  const log = createLog({
    name: definition.name,
    instance: process.env.CONCLAVE_INSTANCE ?? definition.name,
    level: process.env.CONCLAVE_LOG_LEVEL ?? 'info',
  });
  const exit = (code: number): never => {
    log.flush();
    return process.exit(code);
  };
  const crash = (what: string) => (error: unknown) => {
    log.fatal({ err: error }, what);
    exit(1);
  };
  process.on('uncaughtException', crash('uncaught exception'));
  process.on('unhandledRejection', crash('unhandled rejection'));

  const asked = Promise.withResolvers<string>();
  const ask = (why: string) => (): void => {
    // A terminal and a parent may ask at the same time; the deadline bounds the one stop.
    stopping.abort();
    asked.resolve(why);
  };
  process.on('SIGTERM', ask('SIGTERM'));
  process.on('SIGINT', ask('SIGINT'));

  const resources: Resources = {};
  const running = startUp(definition, log, stopping.signal, resources, () => {
    if (!stopping.signal.aborted) crash('the connection to NATS is closed for good')(new Error('closed'));
  });
  running.catch((error: unknown) => {
    if (!stopping.signal.aborted) crash('the service cannot start')(error);
  });
  if (process.env.CONCLAVE_DIE_WITH_PARENT === '1') {
    process.stdin.on('end', ask('stdin closed')).on('error', ask('stdin broke')).resume();
  }

  const why = await asked.promise;
  log.info({ why }, 'stopping');
  setTimeout(() => crash(`not stopped in ${STOP_DEADLINE_MS} ms`)(new Error('deadline')), STOP_DEADLINE_MS).unref();
  await shutDown(running, resources, log);
  log.info('stopped');
  return exit(0);
}

/** What has been opened so far, so that a stop during the start can close it. */
interface Resources {
  http?: HttpServer;
  bus?: Bus;
}

async function startUp(
  definition: ServiceDefinition,
  log: Logger,
  signal: AbortSignal,
  resources: Resources,
  onClosed: () => void,
): Promise<RunningService> {
  const environment = readEnvironment(process.env);
  const config = loadConfig(environment.configPath);
  const operators = loadOperators(environment.operatorsFile);
  await mkdir(environment.dataDir, { recursive: true });

  const health = createHealth();
  const registry = new Registry();
  registry.setDefaultLabels({ service: definition.name, instance: environment.instance });
  collectDefaultMetrics({ register: registry });
  let started = false;
  health.register('nats', () => natsCheck(resources.bus));
  health.register('started', () => ({ ok: true, ready: started && !signal.aborted, detail: stateOf(started, signal) }));
  const http = await listenHttp({ ...httpOptions(environment), health, registry, log });
  resources.http = http;

  const keyring = keyringFromFile(environment.keyringFile, (error) =>
    log.error({ err: error }, 'the changed keyring cannot be read; the one before it goes on to count'),
  );
  if (definition.name !== 'metrics') checkOwnKey(definition.name, environment.nkeySeed, keyring);
  const bus = await connect(definition.name, environment, keyring, log);
  resources.bus = bus;
  void bus.closed().then(onClosed);
  registerNatsMetric(registry, bus);
  if (definition.topology !== 'own') await waitForTopology(bus, { signal });
  const service = await definition.start({
    instance: environment.instance,
    config,
    bus,
    journal: openJournal(bus, { by: environment.instance, check: checkEvents }),
    log,
    health,
    http: http.routes,
    httpPort: http.port,
    registry,
    dataDir: environment.dataDir,
    operators,
    signal,
  });
  await http.open();
  started = true;
  log.info({ port: http.port, server: bus.serverVersion }, 'started');
  return service;
}

/** @throws CVE_ENVIRONMENT_INVALID when what this service signs would not count */
function checkOwnKey(name: Writer, seed: string | undefined, keyring: Keyring): void {
  if (seed === undefined)
    throw new ConclaveError(
      'CVE_ENVIRONMENT_INVALID',
      `CONCLAVE_NKEY_FILE is not set; ${name} signs what it writes, so point it to the nkey seed of ${name}`,
    );
  const { publicNkey } = privateKeyOf(seed);
  const found = keyring.find(publicNkey, [name], new Date().toISOString());
  if (typeof found === 'string')
    throw new ConclaveError(
      'CVE_ENVIRONMENT_INVALID',
      `nobody would accept what ${name} signs: ${found}; add it to the keyring of every service (CONCLAVE_KEYRING_FILE) as a key of ${name}`,
    );
}

async function connect(name: string, environment: Environment, keyring: Keyring, log: Logger): Promise<Bus> {
  return await connectBus({
    servers: environment.natsUrl,
    name: environment.instance,
    logger: log,
    keyring,
    ...(environment.nkeySeed === undefined ? {} : { nkeySeed: environment.nkeySeed, user: name }),
  });
}

function httpOptions(environment: Environment): { host: string; port: number; token: string | undefined } {
  return { host: environment.httpHost, port: environment.httpPort, token: environment.httpToken };
}

function natsCheck(bus: Bus | undefined): { ok: boolean; ready: boolean; detail: string } {
  if (bus?.connected === true)
    return { ok: true, ready: true, detail: `connected to nats-server ${bus.serverVersion}` };
  return { ok: true, ready: false, detail: bus === undefined ? 'waiting for NATS' : 'NATS is not connected' };
}

function stateOf(started: boolean, signal: AbortSignal): string {
  if (signal.aborted) return 'stopping';
  return started ? 'started' : 'starting';
}

function registerNatsMetric(registry: Registry, bus: Bus): void {
  new Gauge({
    name: 'conclave_nats_connected',
    help: '1 while this process is connected to NATS',
    registers: [registry],
    collect() {
      this.set(bus.connected ? 1 : 0);
    },
  });
}

async function shutDown(running: Promise<RunningService>, resources: Resources, log: Logger): Promise<void> {
  const attempt = async (what: string, work: () => Promise<void> | undefined): Promise<void> => {
    try {
      await work();
    } catch (error) {
      log.warn({ reason: messageOf(error) }, `${what} did not stop cleanly`);
    }
  };
  // While NATS is awaited there is nothing to stop, and the wait has no end of its own.
  if (resources.bus !== undefined) await attempt('the service', async () => (await running).stop());
  await attempt('http', () => resources.http?.close());
  await attempt('nats', () => resources.bus?.drain());
}

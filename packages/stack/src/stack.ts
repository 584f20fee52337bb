import { access, mkdir, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type NatsUser, natsUsers } from '@conclave/bus';
import { ConclaveError } from '@conclave/contracts';
import { type Credentials, ensureCredentials } from './credentials.ts';
import { lockDataDir } from './data-dir-lock.ts';
import { type Guard, startGuard } from './guard.ts';
import { keepPorts, type PortMoved, takePorts } from './kept-ports.ts';
import { hasLostStore, storeDir } from './lost-store.ts';
import type { NatsConfigUser } from './nats-config.ts';
import { type EmbeddedNats, startNatsServer } from './nats-server.ts';
import { waitUntilReady } from './readiness.ts';
import { type Instance, inheritedEnvironment, instances, type ServiceName } from './services.ts';
import type { ProcessEvent, ProcessSpec } from './supervised-process.ts';
import { type Supervisor, startSupervisor } from './supervisor.ts';
import { waitUntil } from './wait.ts';

export interface StackOptions {
  /** Holds all state: store, credentials, logs, caches. Made if missing. */
  readonly dataDir: string;
  /** The YAML every service reads. */
  readonly configFile: string;
  /** An own server from this binary, or one that runs elsewhere and knows the users in `<dataDir>/credentials`, or asks for none. */
  readonly nats: { readonly binary: string } | { readonly url: string };
  /** Instances of a service; default 1, and 0 leaves it out. */
  readonly replicas?: Partial<Record<ServiceName, number>>;
  /**
   * For a state folder that has no ports on record yet: `usual` (7070 and up, 4222) where those are free, or any `free` ones; default
   * `free`. Later starts keep them.
   */
  readonly ports?: 'usual' | 'free';
  /** Names of the operators that get a token; default `local` only. */
  readonly operators?: readonly string[];
  /** What services inherit from, asked at each start of one; default this process's environment. */
  readonly environment?: () => NodeJS.ProcessEnv;
  /** Added to the environment of every instance of a service. */
  readonly env?: Partial<Record<ServiceName, NodeJS.ProcessEnv>>;
  /** Default `info`. */
  readonly logLevel?: string;
  /** Milliseconds until an instance that is not ready fails the start; default 60,000. */
  readonly readyTimeoutMs?: number;
  /** Cancels the start. */
  readonly signal?: AbortSignal;
  /** Told again, as `ended` and `nats-ready`, when the own server ended by itself and was started again. */
  readonly onProgress?: (progress: StackProgress) => void;
  /** Directory with `<service>/src/main.ts`; default this repository's. */
  readonly servicesDir?: string;
}

export type StackProgress =
  | { readonly kind: 'nats-ready'; readonly url: string }
  | { readonly kind: 'service-ready'; readonly name: string; readonly url: string }
  /** Another program has the port that a server had at the last start. */
  | ({ readonly kind: 'port-moved' } & PortMoved)
  /** The state folder was used before, but its store is gone: what follows starts empty. */
  | { readonly kind: 'store-lost'; readonly storeDir: string }
  | ProcessEvent;

/** The whole system, running on this machine. */
export interface Stack {
  readonly dataDir: string;
  readonly natsUrl: string;
  /** The own server; undefined when one elsewhere is used. */
  readonly nats: EmbeddedNats | undefined;
  readonly credentials: Credentials<NatsUser>;
  readonly supervisor: Supervisor;
  /** `http://127.0.0.1:<port>` of each instance, by its name. */
  readonly urls: Readonly<Record<string, string>>;
  /** Bearer token that the services ask for on all but their health; from CONCLAVE_HTTP_TOKEN, which they inherit. */
  readonly httpToken: string | undefined;
  /** Resolves when the instance answers ready, for instance after a restart. */
  waitUntilReady(instance: string, timeoutMs?: number): Promise<void>;
  /**
   * Gives a service another key while the system runs: signatures of both count until all its instances have started anew, one after the
   * other, then those of the old one count no longer on what is stored from then on. A server elsewhere has to know the new user first.
   */
  rotateKey(service: Exclude<ServiceName, 'metrics'>): Promise<void>;
  /** Ends the services, then the server, and gives the data directory free. */
  stop(): Promise<void>;
}

const defaultReadyTimeoutMs = 60_000;
const NATS = 'nats-server';
const usualNatsPort = 4222;
const permissionsOf = natsUsers();
const userNames = Object.keys(permissionsOf) as NatsUser[];
/** A service that ends this often before it was ever ready will not recover by itself. */
const hopelessCrashes = 4;
const repositoryServices = fileURLToPath(new URL('../../../services', import.meta.url));

/**
 * Starts server and services and resolves when all are ready. If anything fails, what was started is ended first.
 * @throws CVE_STACK_LOCKED when another stack uses the data directory; CVE_STACK_FAILED when a part does not come up.
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  const dataDir = resolve(options.dataDir);
  const configFile = resolve(options.configFile);
  await access(configFile).catch(() => {
    throw new ConclaveError(
      'CVE_CONFIG_UNREADABLE',
      `${configFile} cannot be read; name an existing file with --config`,
    );
  });
  const undo = new AsyncDisposableStack();
  try {
    return await assemble({ ...options, dataDir, configFile }, undo);
  } catch (error) {
    await undo.disposeAsync();
    throw error;
  }
}

async function assemble(options: StackOptions, undo: AsyncDisposableStack): Promise<Stack> {
  const { dataDir } = options;
  const lock = await lockDataDir(dataDir);
  undo.defer(() => lock.release());
  const guard = startGuard();
  undo.defer(() => guard.close());
  if (guard.pid !== undefined) lock.extendTo(guard.pid);

  if ('binary' in options.nats && (await hasLostStore(dataDir)))
    options.onProgress?.({ kind: 'store-lost', storeDir: storeDir(dataDir) });
  const credentials = await ensureCredentials(dataDir, userNames, options.operators);
  const running = instances(options.replicas);
  const { ports, moved } = await takePorts(dataDir, wishedPorts(running, options.ports === 'usual'));
  for (const one of moved) options.onProgress?.({ kind: 'port-moved', ...one });
  const natsPort = ports.get(NATS) ?? 0;

  const nats =
    'binary' in options.nats
      ? await startNats(options, options.nats.binary, { natsPort, credentials, guard })
      : undefined;
  if (nats) undo.defer(nats.stop);
  const natsUrl = nats?.url ?? ('url' in options.nats ? options.nats.url : '');
  options.onProgress?.({ kind: 'nats-ready', url: natsUrl });

  const processes: ProcessSpec[] = [];
  const urls: Record<string, string> = {};
  for (const instance of running) {
    const port = ports.get(instance.name) ?? 0;
    urls[instance.name] = `http://127.0.0.1:${port}`;
    processes.push(await processSpec(options, instance, { natsUrl, port, credentials }));
  }
  const supervisor = startSupervisor({
    processes,
    guard,
    ...(options.onProgress ? { onEvent: options.onProgress } : {}),
  });
  undo.defer(supervisor.stop);
  await untilAllReady(options, supervisor, urls);

  const untilReady: Stack['waitUntilReady'] = (name, timeoutMs = defaultReadyTimeoutMs) =>
    waitUntilReady({ name, url: urls[name] ?? '', logFile: supervisor.process(name).logFile }, timeoutMs);

  await keepPorts(dataDir, ports);
  const descriptionFile = join(dataDir, 'stack.json');
  undo.defer(() => rm(descriptionFile, { force: true }));
  await writeFile(
    descriptionFile,
    `${JSON.stringify({ pid: process.pid, natsUrl, configFile: options.configFile, urls }, null, 2)}\n`,
  );
  return {
    dataDir,
    natsUrl,
    nats,
    credentials,
    supervisor,
    urls,
    httpToken: process.env.CONCLAVE_HTTP_TOKEN,
    waitUntilReady: untilReady,
    async rotateKey(service) {
      const rotation = await credentials.rotate(service);
      const next = { publicKey: rotation.publicKey, permissions: permissionsOf[service].permissions };
      await nats?.changeUsers({ ...natsUsersOf(credentials), [`${service}, next`]: next });
      await rotation.use();
      for (const { name } of running.filter((one) => one.service === service)) {
        const { starts } = supervisor.process(name);
        supervisor.kill(name, 'SIGTERM');
        await waitUntil(async () => supervisor.process(name).starts > starts, defaultReadyTimeoutMs);
        await untilReady(name);
      }
      await rotation.end();
      await nats?.changeUsers(natsUsersOf(credentials));
    },
    stop: () => undo.disposeAsync(),
  };
}

function wishedPorts(running: readonly Instance[], isUsual: boolean): Map<string, number> {
  const usual = new Map([[NATS, usualNatsPort], ...running.map(({ name, usualPort }) => [name, usualPort] as const)]);
  return new Map([...usual].map(([name, port]) => [name, isUsual ? port : 0]));
}

interface NatsWiring {
  readonly natsPort: number;
  readonly credentials: Credentials<NatsUser>;
  readonly guard: Guard;
}

async function startNats(options: StackOptions, binary: string, wiring: NatsWiring): Promise<EmbeddedNats> {
  const nats = await startNatsServer({
    binary,
    storeDir: storeDir(options.dataDir),
    logFile: join(options.dataDir, 'logs', 'nats-server.log'),
    port: wiring.natsPort,
    users: natsUsersOf(wiring.credentials),
    anonymousUser: 'publisher',
    guard: wiring.guard,
    keepRunning: {
      onEnded: (reason, restartInMs) =>
        options.onProgress?.({ kind: 'ended', name: 'nats-server', reason, restartInMs }),
      onBack: () => options.onProgress?.({ kind: 'nats-ready', url: nats.url }),
    },
  });
  return nats;
}

function natsUsersOf({ users }: Credentials<NatsUser>): Record<string, NatsConfigUser> {
  return Object.fromEntries(
    userNames.map((name) => [name, { publicKey: users[name].publicKey, permissions: permissionsOf[name].permissions }]),
  );
}

/** The first instance that fails ends the waiting for all others. */
async function untilAllReady(
  options: StackOptions,
  supervisor: Supervisor,
  urls: Readonly<Record<string, string>>,
): Promise<void> {
  const failure = new AbortController();
  const signal = AbortSignal.any([failure.signal, ...(options.signal ? [options.signal] : [])]);
  await Promise.all(
    supervisor.processes.map(async (child) => {
      const { name, logFile } = child;
      const url = urls[name] ?? '';
      const hopelessBecause = () =>
        child.starts > hopelessCrashes ? `ended ${child.starts - 1} times without becoming ready` : undefined;
      try {
        await waitUntilReady(
          { name, url, logFile, hopelessBecause },
          options.readyTimeoutMs ?? defaultReadyTimeoutMs,
          signal,
        );
      } catch (error) {
        failure.abort();
        throw error;
      }
      options.onProgress?.({ kind: 'service-ready', name, url });
    }),
  );
}

interface Wiring {
  readonly natsUrl: string;
  readonly port: number;
  readonly credentials: Credentials<NatsUser>;
}

async function processSpec(options: StackOptions, instance: Instance, wiring: Wiring): Promise<ProcessSpec> {
  const { name, service } = instance;
  const cacheDir = join(options.dataDir, 'services', name);
  await mkdir(cacheDir, { recursive: true });
  return {
    name,
    args: [join(options.servicesDir ?? repositoryServices, service, 'src', 'main.ts')],
    cwd: process.cwd(),
    logFile: join(options.dataDir, 'logs', `${name}.log`),
    env: () => serviceEnvironment(options, instance, wiring, cacheDir),
  };
}

/** The environment contract between the stack, or a Kubernetes manifest, and a service. */
function serviceEnvironment(
  options: StackOptions,
  { name, service }: Instance,
  { natsUrl, port, credentials }: Wiring,
  cacheDir: string,
): NodeJS.ProcessEnv {
  return {
    ...inheritedEnvironment(service, options.environment?.() ?? process.env),
    CONCLAVE_CONFIG: options.configFile,
    CONCLAVE_INSTANCE: name,
    CONCLAVE_NATS_URL: natsUrl,
    CONCLAVE_NKEY_FILE: credentials.users[service].seedFile,
    CONCLAVE_KEYRING_FILE: credentials.keyringFile,
    CONCLAVE_HTTP_PORT: String(port),
    CONCLAVE_DATA_DIR: cacheDir,
    CONCLAVE_OPERATORS_FILE: credentials.operatorsFile,
    CONCLAVE_LOG_LEVEL: options.logLevel ?? 'info',
    CONCLAVE_STATE: options.dataDir,
    ...options.env?.[service],
  };
}

import type { NatsPermissions } from '@conclave/bus';

/** What one user of the embedded server may do, and the public nkey that proves it is that user. */
export interface NatsConfigUser {
  readonly publicKey: string;
  readonly permissions: NatsPermissions;
}

export interface NatsConfig {
  readonly storeDir: string;
  readonly logFile: string;
  /** Where the server writes that, and on which ports, it listens. */
  readonly portsDir: string;
  readonly port: number;
  readonly monitorPort: number;
  readonly users: Readonly<Record<string, NatsConfigUser>>;
  /** Name of the user that a client without credentials acts as; without it such a client is refused. */
  readonly anonymousUser?: string;
}

const loopback = '127.0.0.1';
const maxPayloadBytes = 1024 * 1024;
/** A client that stands still is dropped after half a minute (the default: four), and its share of the requests goes to others. */
const stillness = { ping_interval: '10s', ping_max: 3 };

/**
 * The text of nats-server.conf, which may be JSON. The server listens on loopback only and has every write on disk before it
 * acknowledges it: a single server has no replica that would still hold it after a power failure.
 */
export function renderNatsConfig(config: NatsConfig): string {
  const users = Object.values(config.users).map(({ publicKey, permissions }) => ({ nkey: publicKey, permissions }));
  const anonymous = config.anonymousUser === undefined ? undefined : config.users[config.anonymousUser];
  const settings = {
    server_name: 'conclave',
    listen: `${loopback}:${config.port}`,
    http: `${loopback}:${config.monitorPort}`,
    ports_file_dir: config.portsDir,
    log_file: config.logFile,
    max_payload: maxPayloadBytes,
    ...stillness,
    jetstream: { store_dir: config.storeDir, sync_interval: 'always' },
    ...(users.length > 0 ? { authorization: { users } } : {}),
    ...(anonymous ? { no_auth_user: anonymous.publicKey } : {}),
  };
  return `${JSON.stringify(settings, null, 2)}\n`;
}

import type { Writer } from '@conclave/contracts';
import { connectBus } from '../connection.ts';
import type { NatsUser } from '../permissions.ts';
import type { Bus, BusLogger } from '../ports/connection.ts';
import { keyringOf } from '../signing/keyring.ts';
import { ensureTopology, type TopologyOptions } from '../topology.ts';
import { startNats, type TestNats } from './nats-server.ts';
import { keyringFileOf, type SigningFiles, testKeyring, testSeeds, testSigner, writeSigningFiles } from './signing.ts';

/** A server with all streams, and connections to it. Everything ends with `await using`. */
export interface TestBus extends AsyncDisposable {
  readonly nats: TestNats;
  readonly bus: Bus;
  /** Another connection, as that user when the server was started with users. */
  connect(user?: NatsUser, logger?: BusLogger): Promise<Bus>;
  /** Writes the keys for a process of its own, and returns the environment that names them. */
  signingFiles(dir: string, writer?: Writer): Promise<SigningFiles>;
}

/** @param options.users with the users and permissions of production; the first connection is the coordinator's. */
export async function startTestBus(
  options: { users?: boolean; topology?: Partial<TopologyOptions>; sync?: string } = {},
): Promise<TestBus> {
  const nats = await startNats({ users: options.users === true, sync: options.sync });
  const keyring = keyringOf(keyringFileOf(nats.seeds));
  const open: Bus[] = [];
  const connect = async (user?: NatsUser, logger?: BusLogger): Promise<Bus> => {
    const credentials =
      options.users === true
        ? { keyring, ...(user === undefined ? {} : { user, nkeySeed: nats.seeds[user] }) }
        : { keyring: testKeyring, signer: testSigner };
    const bus = await connectBus({ servers: nats.url, name: user ?? 'test', logger, ...credentials });
    open.push(bus);
    return bus;
  };
  const bus = await connect('coordinator');
  await ensureTopology(bus, { replicas: 1, ...options.topology });
  return {
    nats,
    bus,
    connect,
    signingFiles: (dir, writer) => writeSigningFiles(options.users === true ? nats.seeds : testSeeds, dir, writer),
    async [Symbol.asyncDispose]() {
      await Promise.all(open.map((each) => each.drain()));
      await nats.stop();
    },
  };
}

import { randomInt } from 'node:crypto';
import { createServer, type Server } from 'node:net';

/**
 * Free ports are chosen below the range from which systems take the ports of outgoing connections (32768 and up): a port given away
 * while its server restarts would otherwise be taken by a client, or by the reconnecting client's own connection to itself.
 */
const lowest = 20_000;
const beyondHighest = 32_000;
const attempts = 200;

/** For each wish, that loopback port if it is free, else one that is; 0 wishes for any. All are different. */
export async function reservePorts(wishes: readonly number[]): Promise<readonly number[]> {
  const held: Server[] = [];
  const ports: number[] = [];
  try {
    for (const wish of wishes) {
      const { server, port } = await listenOnFree(wish);
      held.push(server);
      ports.push(port);
    }
    return ports;
  } finally {
    await Promise.all(held.map((server) => new Promise((done) => server.close(done))));
  }
}

async function listenOnFree(wish: number): Promise<{ server: Server; port: number }> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const port = attempt === 0 && wish !== 0 ? wish : randomInt(lowest, beyondHighest);
    const server = await listen(port);
    if (server) return { server, port };
  }
  throw new Error(`no free port found on 127.0.0.1 between ${lowest} and ${beyondHighest}; end what occupies them`);
}

function listen(port: number): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => resolve(server));
  });
}

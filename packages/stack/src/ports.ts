import { randomInt } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

/**
 * Free ports are chosen below the range from which systems take the ports of outgoing connections (32768 and up): a port given away
 * while its server restarts would otherwise be taken by a client, or by the reconnecting client's own connection to itself.
 */
const lowest = 20_000;
const beyondHighest = 32_000;
const attempts = 200;

/** What this process has claimed until it ends: the ports of the same numbers for UDP, which nothing here speaks. */
const claims = new Map<number, Socket>();

/**
 * For each wish, that loopback port if it is free, else one that is; 0 wishes for any. All are different, and none is given to another
 * process that asks here, though nobody listens on them yet, or while their server restarts.
 */
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
    const isWish = attempt === 0 && wish !== 0;
    const port = isWish ? wish : randomInt(lowest, beyondHighest);
    // What this process has given away before is only given again to who asks for it by number.
    const isClaimed = claims.has(port) ? isWish : await claim(port);
    if (!isClaimed) continue;
    const server = await listen(port);
    if (server) return { server, port };
    claims.get(port)?.close();
    claims.delete(port);
  }
  throw new Error(`no free port found on 127.0.0.1 between ${lowest} and ${beyondHighest}; end what occupies them`);
}

async function claim(port: number): Promise<boolean> {
  const socket = createSocket('udp4').unref();
  const bound = once(socket, 'listening').then(
    () => true,
    () => false,
  );
  socket.bind({ address: '127.0.0.1', port, exclusive: true });
  if (await bound) claims.set(port, socket);
  else socket.close();
  return claims.has(port);
}

function listen(port: number): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => resolve(server));
  });
}

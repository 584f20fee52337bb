import { connect } from 'node:net';

const ANSWER_MS = 2000;
const NATS_PORT = 4222;

/** Whether anything listens at one of these comma-separated NATS addresses: told at once, where a client of NATS would go on trying. */
export async function isListening(servers: string): Promise<boolean> {
  const answers = await Promise.all(servers.split(',').map((server) => answersAt(server.trim())));
  return answers.includes(true);
}

async function answersAt(server: string): Promise<boolean> {
  const url = URL.parse(server.includes('://') ? server : `nats://${server}`);
  if (url === null) return false;
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || NATS_PORT) });
  socket.setTimeout(ANSWER_MS, () => resolve(false));
  socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
  try {
    return await promise;
  } finally {
    socket.destroy();
  }
}

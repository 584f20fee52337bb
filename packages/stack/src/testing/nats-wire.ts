import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { waitUntil } from '../wait.ts';

const ANSWER_MS = 20_000;

interface StreamAnswer {
  readonly state?: { readonly messages?: number };
  readonly error?: { readonly description?: string };
}

/** Just enough of the NATS protocol, without credentials, to see from outside what a server does; the bus package is not asked about itself. */
export class NatsWire {
  readonly #socket: Socket;
  #received = '';
  #requests = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk) => {
      this.#received += chunk.toString();
    });
    socket.on('error', () => undefined);
  }

  static async connect(url: string): Promise<NatsWire> {
    const { hostname, port } = new URL(url);
    const socket = createConnection(Number(port), hostname);
    const wire = new NatsWire(socket);
    await once(socket, 'connect');
    socket.write('CONNECT {"verbose":false,"pedantic":false}\r\n');
    await wire.#flush();
    return wire;
  }

  /** Sends a request and returns its answer, which must be JSON. */
  async request(subject: string, payload: string): Promise<StreamAnswer> {
    const inbox = `_INBOX_wire.${++this.#requests}`;
    this.#socket.write(
      `SUB ${inbox} ${this.#requests}\r\nPUB ${subject} ${inbox} ${Buffer.byteLength(payload)}\r\n${payload}\r\n`,
    );
    const answer = new RegExp(`MSG ${inbox.replace('.', '\\.')} \\d+ \\d+\r\n(.*)\r\n`);
    await waitUntil(() => answer.test(this.#received), ANSWER_MS, 5);
    const parsed: StreamAnswer = JSON.parse(
      answer.exec(this.#received)?.[1] ?? '{"error":{"description":"no answer"}}',
    );
    if (parsed.error) throw new Error(`${subject}: ${parsed.error.description}`);
    return parsed;
  }

  /** Sends a protocol line and returns the server's error, if it has one. */
  async refusalOf(line: string): Promise<string | undefined> {
    this.#received = '';
    this.#socket.write(`${line}\r\n`);
    await this.#flush();
    return /-ERR '([^']*)/.exec(this.#received)?.[1];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.destroy();
  }

  async #flush(): Promise<void> {
    const isAnswered = () => this.#received.includes('PONG\r\n');
    this.#received = this.#received.replaceAll('PONG\r\n', '');
    this.#socket.write('PING\r\n');
    if (!(await waitUntil(isAnswered, ANSWER_MS, 5))) throw new Error('the server did not answer PING');
  }
}

import type { KeptOutput } from './supervisor-protocol.ts';

/** Keeps the first and last bytes of a stream, half each, and counts the rest. */
export class BoundedOutput {
  readonly #half: number;
  #head = Buffer.alloc(0);
  #tail = Buffer.alloc(0);
  #bytes = 0;

  constructor(limitBytes: number) {
    this.#half = Math.ceil(limitBytes / 2);
  }

  add(chunk: Buffer): void {
    this.#bytes += chunk.length;
    const room = this.#half - this.#head.length;
    if (room > 0) this.#head = Buffer.concat([this.#head, chunk.subarray(0, room)]);
    const rest = chunk.subarray(Math.max(0, room));
    if (rest.length > 0) this.#tail = Buffer.concat([this.#tail, rest]).subarray(-this.#half);
  }

  kept(): KeptOutput {
    const dropped = this.#bytes - this.#head.length - this.#tail.length;
    if (dropped === 0) return { text: Buffer.concat([this.#head, this.#tail]).toString(), bytes: this.#bytes, dropped };
    const text = `${this.#head.toString()}\n[${dropped} bytes left out]\n${this.#tail.toString()}`;
    return { text, bytes: this.#bytes, dropped };
  }
}

/** The first and last characters of a text, when it is longer than `limit`. */
export function shortened(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const half = Math.floor(limit / 2);
  return `${text.slice(0, half)}\n[${text.length - 2 * half} characters left out]\n${text.slice(-half)}`;
}

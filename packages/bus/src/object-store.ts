import { createHash, randomBytes } from 'node:crypto';
import { ARTIFACT_STORE, ConclaveError, type Digest, isConclaveError } from '@conclave/contracts';
import { z } from 'zod';
import { asConclaveError, JS_ERROR, jsErrorCode, type Native, parseJson } from './native.ts';
import { storeOrFail } from './publish.ts';
import { eachMessage, followStream } from './reader.ts';

const STREAM = `OBJ_${ARTIFACT_STORE}`;
const CHUNK_BYTES = 128 * 1024;
const PUT_DEADLINE_MS = 60_000;
/** Milliseconds without any sign of life of the server after which a transfer is given up. */
const SILENCE_MS = 60_000;

const meta = z.object({
  name: z.string(),
  nuid: z.string(),
  size: z.number().int(),
  chunks: z.number().int(),
  digest: z.string(),
  deleted: z.boolean().optional(),
});
export type StoredObject = z.infer<typeof meta>;

const metaSubject = (name: string): string => `$O.${ARTIFACT_STORE}.M.${base64Url(Buffer.from(name))}`;
const chunkSubject = (nuid: string): string => `$O.${ARTIFACT_STORE}.C.${nuid}`;

/** Base64url with padding, as the format asks. */
function base64Url(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('+', '-').replaceAll('/', '_');
}

function digestText(hash: Buffer): string {
  return `SHA-256=${base64Url(hash)}`;
}

/** A digest as the store writes it. */
function objectDigest(of: Digest): string {
  return digestText(Buffer.from(of.slice('sha256:'.length), 'hex'));
}

/**
 * Objects in NATS' object store format (ADR-20), so that `nats object ls` shows them. The library's own implementation sends without
 * back-pressure, keeps the whole object in memory and stalls when the server restarts during a read; this one uses our reader.
 */
export class Objects {
  readonly #native: Native;

  constructor(native: Native) {
    this.#native = native;
  }

  /** Undefined when there is none. @throws CVE_BUS_UNAVAILABLE, CVE_UNAUTHORIZED */
  async info(name: string): Promise<StoredObject | undefined> {
    try {
      const message = await this.#native.jsm.streams.getMessage(STREAM, { last_by_subj: metaSubject(name) });
      const found = meta.parse(parseJson(message.data, `the entry of ${name}`));
      return found.deleted === true ? undefined : found;
    } catch (error) {
      if (jsErrorCode(error) === JS_ERROR.noMessage) return undefined;
      throw asConclaveError(error, `look up artifact ${name}`);
    }
  }

  /**
   * Stores content; its entry appears last, so that a reader sees all of it or nothing. A chunk is sent when the one before is stored: of
   * several under way, an unanswered one would be stored behind those that were sent after it.
   */
  async put(
    name: string,
    description: string,
    content: AsyncIterable<Uint8Array>,
    onBytes?: (bytes: number) => void,
  ): Promise<void> {
    const nuid = randomBytes(16).toString('hex');
    const hash = createHash('sha256');
    let size = 0;
    let chunks = 0;
    for await (const chunk of inChunks(content)) {
      hash.update(chunk);
      size += chunk.length;
      chunks++;
      await storeOrFail(this.#native, chunkSubject(nuid), chunk, {
        msgId: `${nuid}-${chunks}`,
        deadlineMs: PUT_DEADLINE_MS,
      });
      onBytes?.(size);
    }
    const entry = {
      name,
      description,
      options: { max_chunk_size: CHUNK_BYTES },
      bucket: ARTIFACT_STORE,
      nuid,
      size,
      chunks,
      digest: digestText(hash.digest()),
      mtime: new Date().toISOString(),
      deleted: false,
    };
    await storeOrFail(this.#native, metaSubject(name), new TextEncoder().encode(JSON.stringify(entry)), {
      headers: { 'Nats-Rollup': 'sub' },
      msgId: `${nuid}-meta`,
      deadlineMs: PUT_DEADLINE_MS,
    });
  }

  /** True when the bytes stored under the name are whole and have this digest; reads them all. @throws CVE_BUS_UNAVAILABLE, CVE_UNAUTHORIZED */
  async holds(name: string, content: Digest): Promise<boolean> {
    if ((await this.info(name))?.digest !== objectDigest(content)) return false;
    try {
      await this.get(name, () => undefined);
      return true;
    } catch (error) {
      if (isConclaveError(error, 'CVE_ARTIFACT_DIGEST_MISMATCH')) return false;
      throw error;
    }
  }

  /**
   * Hands the content over chunk by chunk. The caller must not use it before this has resolved.
   * @throws CVE_ARTIFACT_UNKNOWN; CVE_ARTIFACT_DIGEST_MISMATCH when the stored bytes are not what was put; CVE_BUS_UNAVAILABLE
   */
  async get(name: string, onChunk: (chunk: Uint8Array) => void | Promise<void>): Promise<void> {
    const object = await this.info(name);
    if (object === undefined) throw unknownArtifact(name);
    const hash = createHash('sha256');
    let chunks = 0;
    if (object.chunks > 0) {
      const end = Promise.withResolvers<void>();
      const reader = followStream(this.#native, {
        stream: STREAM,
        filters: [chunkSubject(object.nuid)],
        start: { seq: 1 },
        onMessages: eachMessage(async (message) => {
          if (chunks === object.chunks) return;
          hash.update(message.data);
          await onChunk(message.data);
          chunks++;
          if (chunks === object.chunks) end.resolve();
        }),
        onCaughtUp: () => end.resolve(),
        onError: end.reject,
      });
      const watchdog = setInterval(() => {
        if (performance.now() - reader.lastActivityAt < SILENCE_MS) return;
        end.reject(
          new ConclaveError(
            'CVE_BUS_UNAVAILABLE',
            `no sign of NATS for ${SILENCE_MS} ms while reading ${name}; try again`,
          ),
        );
      }, 1000);
      try {
        await end.promise;
      } finally {
        clearInterval(watchdog);
        await reader.stop();
      }
    }
    const found = digestText(hash.digest());
    if (chunks === object.chunks && found === object.digest) return;
    throw new ConclaveError(
      'CVE_ARTIFACT_DIGEST_MISMATCH',
      `the stored bytes of ${name} were changed: expected ${object.digest} in ${object.chunks} chunks, found ${found} in ${chunks}; push it again`,
    );
  }
}

export function unknownArtifact(name: string): ConclaveError {
  return new ConclaveError('CVE_ARTIFACT_UNKNOWN', `${name} is not in the artifact store; push it first`);
}

async function* inChunks(content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const part of content) {
    rest = rest.length === 0 ? Buffer.from(part) : Buffer.concat([rest, part]);
    let start = 0;
    for (; rest.length - start >= CHUNK_BYTES; start += CHUNK_BYTES) yield rest.subarray(start, start + CHUNK_BYTES);
    rest = rest.subarray(start);
  }
  if (rest.length > 0) yield rest;
}

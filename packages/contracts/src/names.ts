import { z } from 'zod';
import { ConclaveError } from './errors.ts';
import { brief } from './zod-message.ts';

/** Lower-case DNS-label-like name of a model, dataset, runner or id part. At most 63 characters. */
const NAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
/** A version as people write it: `1.0`, `2.1.0-rc1`. At most 64 characters. */
const VERSION = /^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$/;
/** Ids of actions, meetings, evaluations, incidents. At most 200 characters. */
const ID = /^[A-Za-z0-9][A-Za-z0-9._:+-]{0,199}$/;

/** Text that a record may be keyed by: a name that every object has (`constructor`) would be found in an empty one. */
export const recordKey = z.string().refine((name) => !(name in Object.prototype), {
  error: 'is a name that every JavaScript object has; choose another',
  abort: true,
});
export const modelName = recordKey.regex(NAME, 'must be lower-case letters, digits and dashes, at most 63');
export const versionName = recordKey.regex(VERSION, 'must be letters, digits and . _ + -, at most 64');
export const entityId = recordKey.regex(ID, 'must be letters, digits and . _ : + -, at most 200');
/** Name of a gate in a rollout definition. */
export const gateName = recordKey.min(1).max(100);
/** `sha256:` and 64 hex digits. */
export const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/, 'must be sha256: and 64 hex digits');
export type Digest = z.infer<typeof digest>;
/** ISO 8601 UTC with milliseconds, as `Date.toISOString` writes it. */
export const instant = z.iso.datetime();

/** What a record holds under a name that a person gave, who may give any. */
export function entryOf<T>(record: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

/** Eight hex digits of a digest, for people. */
export function shortDigest(value: string): string {
  return value.replace(/^sha256:/, '').slice(0, 8);
}

/**
 * Encodes any text as one NATS subject token (also a valid KV key part): letters, digits, `_` and `-` stay, every
 * other UTF-8 byte becomes `=XX`. `1.0` is `1=2E0`. The encoding is injective; `decodeToken` inverts it.
 * @throws CVE_NAME_INVALID for empty text.
 */
export function encodeToken(text: string): string {
  if (text === '') throw new ConclaveError('CVE_NAME_INVALID', 'a subject token must not be empty; give a name');
  let token = '';
  for (const byte of new TextEncoder().encode(text)) {
    const char = String.fromCharCode(byte);
    token += /[A-Za-z0-9_-]/.test(char) ? char : `=${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return token;
}

/** Inverse of `encodeToken`. @throws CVE_NAME_INVALID for a token that `encodeToken` could not have made. */
export function decodeToken(token: string): string {
  if (!/^(?:[A-Za-z0-9_-]|=[0-9A-F]{2})+$/.test(token)) {
    throw new ConclaveError(
      'CVE_NAME_INVALID',
      `${brief(token)} is not an encoded subject token; encode names with encodeToken`,
    );
  }
  const bytes: number[] = [];
  for (let i = 0; i < token.length; i++) {
    if (token[i] === '=') {
      bytes.push(Number.parseInt(token.slice(i + 1, i + 3), 16));
      i += 2;
    } else bytes.push(token.charCodeAt(i));
  }
  return new TextDecoder().decode(Uint8Array.from(bytes));
}

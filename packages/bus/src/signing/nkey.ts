import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { ConclaveError } from '@conclave/contracts';
import { nkeys } from 'nats';

/*
 * An nkey is an Ed25519 key in base32, behind one byte that says whose it is (two bytes in a seed) and before two bytes of checksum. The
 * NATS client signs its login with it in plain JavaScript; what is signed at every commit goes through node:crypto, which is fifty times as
 * fast.
 */

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
/** What comes before the 32 bytes of an Ed25519 key in DER (RFC 8410). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');
const KEY_BYTES = 32;

/** The private key of a user's seed (`SU...`) and its public nkey. @throws CVE_ENVIRONMENT_INVALID */
export function privateKeyOf(seed: string): { publicNkey: string; key: KeyObject } {
  try {
    const publicNkey = nkeys.fromSeed(new TextEncoder().encode(seed.trim())).getPublicKey();
    const raw = decodeBase32(seed.trim()).subarray(2, 2 + KEY_BYTES);
    return {
      publicNkey,
      key: createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, raw]), format: 'der', type: 'pkcs8' }),
    };
  } catch (error) {
    throw new ConclaveError(
      'CVE_ENVIRONMENT_INVALID',
      'the nkey seed is none; point CONCLAVE_NKEY_FILE to the file with the seed of this service (SU...)',
      { cause: error },
    );
  }
}

/** The verifying key of a public nkey (`U...`). @throws CVE_CONFIG_INVALID when its checksum is wrong */
export function publicKeyOf(publicNkey: string): KeyObject {
  try {
    nkeys.fromPublic(publicNkey);
    const raw = decodeBase32(publicNkey).subarray(1, 1 + KEY_BYTES);
    return createPublicKey({ key: Buffer.concat([SPKI_PREFIX, raw]), format: 'der', type: 'spki' });
  } catch (error) {
    throw new ConclaveError(
      'CVE_CONFIG_INVALID',
      `${publicNkey} is no public nkey (a letter is wrong or missing); copy it again`,
      { cause: error },
    );
  }
}

function decodeBase32(text: string): Buffer {
  const bytes: number[] = [];
  let bits = 0;
  let value = 0;
  for (const letter of text) {
    value = ((value << 5) | ALPHABET.indexOf(letter)) & 0xfff;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push((value >> bits) & 0xff);
  }
  return Buffer.from(bytes);
}

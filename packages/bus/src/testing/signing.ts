import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type KeyringFile, WRITERS, type Writer } from '@conclave/contracts';
import { createNkey } from '../nkeys.ts';
import { type Keyring, keyringOf } from '../signing/keyring.ts';
import { privateKeyOf } from '../signing/nkey.ts';
import type { Signer } from '../signing/signature.ts';

/** Keys of all writers, made for this process. */
export const testSeeds: Readonly<Record<Writer, string>> = {
  coordinator: createNkey().seed,
  planner: createNkey().seed,
  executor: createNkey().seed,
  'gpu-runner': createNkey().seed,
};
const keys = new Map(WRITERS.map((writer) => [writer, privateKeyOf(testSeeds[writer])]));

/** Signs as whichever service writes what is to be signed. */
export const testSigner: Signer = { keyOf: (writer) => keys.get(writer) };

export const testKeyring: Keyring = keyringOf(keyringFileOf(testSeeds));

/** Signs with the keys of a folder, `<writer>.nk` each, as whichever service writes what is to be signed. */
export function signerFromFolder(dir: string): Signer {
  const own = new Map(WRITERS.map((writer) => [writer, privateKeyOf(readFileSync(join(dir, `${writer}.nk`), 'utf8'))]));
  return { keyOf: (writer) => own.get(writer) };
}

export function keyringFileOf(seedOf: Readonly<Record<Writer, string>>): KeyringFile {
  return { keys: WRITERS.map((role) => ({ key: privateKeyOf(seedOf[role]).publicNkey, role })) };
}

/** Environment of a process that signs, or only reads. */
export interface SigningFiles extends Record<string, string> {
  readonly CONCLAVE_KEYRING_FILE: string;
}

/** Writes keys for a process, and returns the environment that names them. */
export async function writeSigningFiles(
  seeds: Readonly<Record<Writer, string>>,
  dir: string,
  writer?: Writer,
): Promise<SigningFiles> {
  await mkdir(dir, { recursive: true });
  const keyringFile = join(dir, 'keyring.json');
  await writeFile(keyringFile, JSON.stringify(keyringFileOf(seeds)));
  if (writer === undefined) return { CONCLAVE_KEYRING_FILE: keyringFile };
  const seedFile = join(dir, `${writer}.nk`);
  await writeFile(seedFile, seeds[writer], { mode: 0o600 });
  return { CONCLAVE_KEYRING_FILE: keyringFile, CONCLAVE_NKEY_FILE: seedFile };
}

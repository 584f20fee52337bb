import type { KeyObject } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { ConclaveError, type KeyringFile, keyring, messageOf, type Writer, zodMessage } from '@conclave/contracts';
import { publicKeyOf } from './nkey.ts';

/** Whose signature counts. */
export interface Keyring {
  /**
   * The verifying key, if `publicNkey` is on record and its signatures count on what the server stored at that time for one of these
   * writers; else why not, for people.
   */
  find(publicNkey: string, writers: readonly Writer[], storedAtIso: string): KeyObject | string;
}

interface Entry {
  readonly key: KeyObject;
  readonly role: Writer;
  readonly from: string | undefined;
  readonly until: string | undefined;
}

/** @throws CVE_CONFIG_INVALID for a key that is none */
export function keyringOf(file: KeyringFile): Keyring {
  const entries = entriesOf(file);
  return keyringOver(
    () => entries,
    () => false,
  );
}

/** How long a change of the file may go unnoticed, milliseconds; a key that ends should end later than that. */
const LOOK_MS = 100;

/**
 * The keyring in a JSON file. Whether the file has changed is looked at every `LOOK_MS`, and at once when a key turns up that it did not have:
 * keys are added and ended without a restart. A key is added everywhere before its owner signs with it, and its end is written before it
 * comes, so that no two readers differ over what was stored meanwhile.
 * @param onBroken told of a change that cannot be read; what was read before goes on to count
 * @throws CVE_CONFIG_UNREADABLE, CVE_CONFIG_INVALID
 */
export function keyringFromFile(file: string, onBroken: (error: unknown) => void = () => {}): Keyring {
  let readAt = changedAt(file);
  let entries = entriesOf(readKeyring(file));
  let lookedAt = performance.now();
  return keyringOver(
    () => {
      if (performance.now() - lookedAt > LOOK_MS) refresh();
      return entries;
    },
    () => refresh(),
  );

  function refresh(): boolean {
    lookedAt = performance.now();
    const now = changedAt(file);
    if (now === readAt) return false;
    readAt = now;
    try {
      entries = entriesOf(readKeyring(file));
      return true;
    } catch (error) {
      onBroken(error);
      return false;
    }
  }
}

function keyringOver(entries: () => ReadonlyMap<string, readonly Entry[]>, refresh: () => boolean): Keyring {
  const find: Keyring['find'] = (publicNkey, writers, storedAtIso) => {
    const known = entries().get(publicNkey);
    if (known === undefined)
      return refresh() ? find(publicNkey, writers, storedAtIso) : `its key ${publicNkey.slice(0, 60)} is on no keyring`;
    const own = known.filter(({ role }) => writers.includes(role));
    if (own.length === 0)
      return `its key ${publicNkey} is that of ${known.map(({ role }) => role).join(', ')}, which may not write here`;
    const valid = own.find(
      ({ from = '', until }) => storedAtIso >= from && (until === undefined || storedAtIso < until),
    );
    if (valid !== undefined) return valid.key;
    return refresh() ? find(publicNkey, writers, storedAtIso) : `its key ${publicNkey} was not valid at ${storedAtIso}`;
  };
  return { find };
}

function entriesOf({ keys }: KeyringFile): ReadonlyMap<string, readonly Entry[]> {
  const iso = (time: string | undefined): string | undefined =>
    time === undefined ? undefined : new Date(time).toISOString();
  return Map.groupBy(
    keys.map(({ key, role, from, until }) => ({
      publicNkey: key,
      key: publicKeyOf(key),
      role,
      from: iso(from),
      until: iso(until),
    })),
    ({ publicNkey }) => publicNkey,
  );
}

function readKeyring(file: string): KeyringFile {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new ConclaveError(
      'CVE_CONFIG_UNREADABLE',
      `the keyring ${file} cannot be read (${messageOf(error)}); point CONCLAVE_KEYRING_FILE to the installation's keyring.json`,
      { cause: error },
    );
  }
  const parsed = keyring.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new ConclaveError('CVE_CONFIG_INVALID', `the keyring ${file} is not valid: ${zodMessage(parsed.error, json)}`);
}

/** Tells one content of the file from the next. */
function changedAt(file: string): string {
  const { mtimeMs, ino, size } = statSync(file, { throwIfNoEntry: false }) ?? {};
  return `${mtimeMs} ${ino} ${size}`;
}

import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ConclaveError, type KeyringFile, keyring, messageOf, WRITERS, type Writer } from '@conclave/contracts';
import { createUser, fromSeed } from 'nkeys.js';

export interface UserCredential {
  readonly publicKey: string;
  /** File with the user's nkey seed, readable by its owner only. */
  readonly seedFile: string;
}

export interface Credentials<User extends string = string> {
  readonly directory: string;
  readonly users: Readonly<Record<User, UserCredential>>;
  /** operators.json: each operator's name and the SHA-256 of the token, never the token. */
  readonly operatorsFile: string;
  /** keyring.json: whose signatures count. */
  readonly keyringFile: string;
  /** File with each operator's token, by operator name. The first operator's is `operator.token`. */
  readonly tokenFiles: Readonly<Record<string, string>>;
  /** The user's nkey seed. */
  seed(user: User): Promise<string>;
  /** Begins to replace a writer's key: from now on the signatures of both count. */
  rotate(writer: User & Writer): Promise<Rotation>;
  /** The operator's token. @throws CVE_UNAUTHORIZED when there is no such operator. */
  token(operator: string): Promise<string>;
}

/** A writer's next key. What dies on the way leaves two keys that count, of which the next start ends the one that nobody has. */
export interface Rotation {
  readonly publicKey: string;
  /** Makes it the key that the writer's next start signs with. */
  use(): Promise<void>;
  /** Ends the key before it; resolves when its signatures count no more on what is stored from now on. */
  end(): Promise<void>;
}

const tokenBytes = 32;
/** Milliseconds from when the end of a key is written to the end: by then every reader has the file as it is. */
const NOTICE_MS = 1000;

/**
 * Makes the credentials of one installation where they are missing, and leaves the existing ones as they are: an nkey seed per NATS
 * user, a token per operator and the operators file made from those tokens.
 * @throws CVE_CONFIG_INVALID when an existing seed file holds no nkey seed.
 */
export async function ensureCredentials<User extends string>(
  dataDir: string,
  userNames: readonly User[],
  operatorNames: readonly string[] = ['local'],
): Promise<Credentials<User>> {
  const directory = join(dataDir, 'credentials');
  await mkdir(directory, { recursive: true, mode: 0o700 });

  const users: Partial<Record<User, UserCredential>> = {};
  for (const name of userNames) users[name] = await ensureUser(join(directory, `${name}.nk`));

  const complete = users as Record<User, UserCredential>;
  const keyringFile = join(directory, 'keyring.json');
  await replaceSecret(keyringFile, await renewedKeyring(keyringFile, complete));

  const tokenFiles: Record<string, string> = {};
  const operators: { name: string; tokenSha256: string }[] = [];
  for (const [index, name] of operatorNames.entries()) {
    const file = join(directory, index === 0 ? 'operator.token' : `operator-${name}.token`);
    const token = await ensureSecret(file, () => randomBytes(tokenBytes).toString('base64url'));
    tokenFiles[name] = file;
    operators.push({ name, tokenSha256: createHash('sha256').update(token).digest('hex') });
  }
  const operatorsFile = join(directory, 'operators.json');
  await replaceSecret(operatorsFile, `${JSON.stringify(operators, null, 2)}\n`);
  return {
    directory,
    users: complete,
    operatorsFile,
    keyringFile,
    tokenFiles,
    async rotate(writer) {
      const pair = createUser();
      const publicKey = pair.getPublicKey();
      const seedFile = complete[writer].seedFile;
      const now = new Date().toISOString();
      const keys = [...(await readKeyring(keyringFile)), { key: publicKey, role: writer, from: now }];
      await replaceSecret(keyringFile, keyringText(keys));
      return {
        publicKey,
        use: () => replaceSecret(seedFile, `${new TextDecoder().decode(pair.getSeed())}\n`),
        async end() {
          users[writer] = { publicKey, seedFile };
          complete[writer] = { publicKey, seedFile };
          await replaceSecret(keyringFile, await renewedKeyring(keyringFile, complete, NOTICE_MS));
          await pause(NOTICE_MS);
        },
      };
    },
    seed: async (user) => (await readFile(complete[user].seedFile, 'utf8')).trim(),
    token: async (operator) => {
      const file = tokenFiles[operator];
      if (file !== undefined) return (await readFile(file, 'utf8')).trim();
      const names = Object.keys(tokenFiles).join(', ');
      throw new ConclaveError('CVE_UNAUTHORIZED', `${operator} is no operator of ${dataDir}; it has ${names}`);
    },
  };
}

/**
 * The keyring's text with every writer's present key. A key that a writer had before goes on to count on what was stored until now.
 * @throws CVE_CONFIG_INVALID when the file is there and no keyring: what was signed could not be read without it
 */
async function renewedKeyring(
  file: string,
  users: Readonly<Record<string, UserCredential>>,
  noticeMs = 0,
): Promise<string> {
  const before = await readKeyring(file);
  const now = new Date().toISOString();
  const end = new Date(Date.now() + noticeMs).toISOString();
  const isFirst = before.length === 0;
  const keys = WRITERS.flatMap((role): KeyringFile['keys'] => {
    const own = before.filter((entry) => entry.role === role);
    const current = users[role]?.publicKey;
    if (current === undefined) return own;
    const isOpen = ({ until }: KeyringFile['keys'][number]): boolean => until === undefined;
    const ended = own.map((entry) => (isOpen(entry) && entry.key !== current ? { ...entry, until: end } : entry));
    if (ended.some((entry) => entry.key === current && isOpen(entry))) return ended;
    return [...ended, { key: current, role, ...(isFirst ? {} : { from: now }) }];
  });
  return keyringText(keys);
}

function keyringText(keys: KeyringFile['keys']): string {
  return `${JSON.stringify({ keys }, null, 2)}\n`;
}

async function readKeyring(file: string): Promise<KeyringFile['keys']> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return [];
  try {
    return keyring.parse(JSON.parse(text)).keys;
  } catch (error) {
    throw new ConclaveError(
      'CVE_CONFIG_INVALID',
      `${file} is no keyring (${messageOf(error)}); restore it: without it nobody can tell whose signatures count`,
    );
  }
}

async function ensureUser(seedFile: string): Promise<UserCredential> {
  const seed = await ensureSecret(seedFile, () => new TextDecoder().decode(createUser().getSeed()));
  try {
    return { publicKey: fromSeed(new TextEncoder().encode(seed)).getPublicKey(), seedFile };
  } catch (error) {
    throw new ConclaveError(
      'CVE_CONFIG_INVALID',
      `${seedFile} holds no nkey seed (${messageOf(error)}); restore it, or delete it to have a new one made`,
    );
  }
}

/** The secret in the file, or a new one, which is stored first. */
async function ensureSecret(file: string, create: () => string): Promise<string> {
  const existing = await readFile(file, 'utf8').catch(() => '');
  if (existing.trim() !== '') return existing.trim();
  const secret = create();
  await replaceSecret(file, `${secret}\n`);
  return secret;
}

/** Written beside and renamed: a crash leaves the old content or the new, never half of it. */
async function replaceSecret(file: string, content: string): Promise<void> {
  const next = `${file}.${process.pid}`;
  await writeFile(next, content, { mode: 0o600 });
  await rename(next, file);
}

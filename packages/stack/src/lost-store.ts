import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { STREAMS } from '@conclave/contracts';
import { portsFile } from './kept-ports.ts';

/**
 * Whether a state folder was used before and has no journal any more: a stack once came up on it, as its ports tell, or has made
 * credentials and a server's folder that is gone. To be asked before either is made anew.
 */
export async function hasLostStore(dataDir: string): Promise<boolean> {
  const cameUp = await exists(portsFile(dataDir));
  const wasPrepared =
    (await exists(join(dataDir, 'credentials', 'operator.nk'))) && !(await exists(join(dataDir, 'nats')));
  return (cameUp || wasPrepared) && !(await holdsJournal(storeDir(dataDir)));
}

/** JetStream's directory in a state folder. */
export function storeDir(dataDir: string): string {
  return join(dataDir, 'nats', 'store');
}

/** JetStream keeps a stream in `jetstream/<account>/streams/<stream>`. */
async function holdsJournal(store: string): Promise<boolean> {
  const accounts = await readdir(join(store, 'jetstream')).catch(() => []);
  const found = await Promise.all(
    accounts.map((account) => readdir(join(store, 'jetstream', account, 'streams', STREAMS.journal)).catch(() => [])),
  );
  return found.some((files) => files.length > 0);
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

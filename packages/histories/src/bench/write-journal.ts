/*
 * Writes the first commits of the long journal, signed: `pnpm journal:write -- --commits 1000000 --nats URL --credentials .conclave/credentials`.
 * The folder has an nkey of each service that writes (`coordinator.nk` and so on) and keyring.json, as `npm start` makes them. The streams
 * must be there (a coordinator makes them), the journal empty or one that this program began, which it then goes on with; nobody may write
 * meanwhile. As whom it connects may write every journal subject: with the permissions of production nobody does, so start a server without.
 */
import { parseArgs } from 'node:util';
import { connectBus, openJournal } from '@conclave/bus';
import { bulkAppend, signerFromFolder } from '@conclave/bus/testing';
import { firstCommits } from '../long/first-commits.ts';

const { values } = parseArgs({
  args: process.argv.slice(2).filter((argument) => argument !== '--'),
  options: {
    commits: { type: 'string', default: '1000000' },
    nats: { type: 'string' },
    credentials: { type: 'string', default: '.conclave/credentials' },
  },
});
const servers = values.nats ?? process.env.CONCLAVE_NATS_URL ?? 'nats://127.0.0.1:4222';
const count = Number(values.commits);
const signer = signerFromFolder(values.credentials);
const bus = await connectBus({ servers, name: 'journal-writer', signer });
try {
  const afterSeq = await openJournal(bus, { by: 'journal-writer' }).lastSeq();
  if (afterSeq > 0) console.log(`goes on after ${afterSeq} commits`);
  const startedAt = performance.now();
  const onProgress = (seq: number): void => {
    const seconds = (performance.now() - startedAt) / 1000;
    console.log(`${seq} of ${count}, ${Math.round((seq - afterSeq) / seconds)} a second`);
  };
  await bulkAppend(bus, firstCommits(count), { afterSeq, onProgress });
  console.log(`the journal has ${await openJournal(bus, { by: 'journal-writer' }).lastSeq()} commits`);
} finally {
  await bus.drain();
}

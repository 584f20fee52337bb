import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Bus, connectBus, keyringFromFile, openJournal, publishInbox } from '@conclave/bus';
import { findNatsServer, until } from '@conclave/bus/testing';
import { type HandoffDocument, parseCommit, subjects } from '@conclave/contracts';
import { startStack } from '@conclave/stack';
import type { Measure } from './figures.ts';
import { median } from './statistics.ts';
import { versionOf } from './version-of.ts';

const ACTIONS_ALONE = 30;
const WARM_UP = 200;
/** As many actions as a handoff may hold. */
const DOCUMENT_ACTIONS = 50;
/** Handoffs that wait for their acknowledgement at a time. */
const DOCUMENTS_IN_FLIGHT = 8;
const LIMIT_MS = 15 * 60_000;

/** Actions that the executor works on at a time. */
const CONCURRENCY = 32;

/**
 * Heartbeats as rare as meetings hold no action back. Nothing is dispatched again for want of a start: here the backlog is meant to be.
 */
const CONFIG = `
pace: { heartbeatIntervalSeconds: 3600, meetingIntervalSeconds: 3600 }
limits: { redispatchAfterMs: 3600000 }
executor: { concurrency: ${CONCURRENCY}, scriptRoots: [.] }
`;

/**
 * The product itself: nats-server, one coordinator and one executor, each a process. Actions come by the inbox, as any user's, in
 * documents of fifty. Each asks for `check_file` on a file of a few bytes: of the real tools it does least, and every step of an action
 * that does something is recorded for it too (dispatched, started and called, returned and completed, ended). An action counts as ended
 * when the schedule says so.
 */
export const measure: Measure = async (counts) => {
  const dir = await mkdtemp(join(tmpdir(), 'conclave-bench-'));
  await using undo = new AsyncDisposableStack();
  undo.defer(() => rm(dir, { recursive: true, force: true }));
  await writeFile(join(dir, 'conclave.yaml'), CONFIG);
  await writeFile(join(dir, 'checked.txt'), 'nothing\n');
  const stack = await startStack({
    dataDir: join(dir, 'data'),
    configFile: join(dir, 'conclave.yaml'),
    nats: { binary: findNatsServer() },
    replicas: { planner: 0, 'gpu-runner': 0, metrics: 0 },
    logLevel: 'warn',
  });
  undo.defer(() => stack.stop());
  const operator = await connectBus({
    servers: stack.natsUrl,
    name: 'bench',
    nkeySeed: await stack.credentials.seed('operator'),
    user: 'operator',
    keyring: keyringFromFile(stack.credentials.keyringFile),
  });
  undo.defer(() => operator.drain());
  const user = await connectBus({ servers: stack.natsUrl, name: 'bench-user' });
  undo.defer(() => user.drain());

  const ended = new Map<string, string>();
  const reader = openJournal(operator, { by: 'bench' }).follow({
    filters: [subjects.journalKind('schedule')],
    onCommit(commit) {
      for (const event of parseCommit('schedule', commit).events)
        if (event.type === 'schedule.action_ended') ended.set(event.data.actionId, event.data.outcome);
    },
    onError: (error) => {
      throw error;
    },
  });
  undo.defer(() => reader.stop());

  const run = async (actions: number): Promise<number> => {
    ended.clear();
    const startedAt = performance.now();
    await handOff(user, actions);
    await until(() => ended.size >= actions, `${actions} actions have ended`, LIMIT_MS);
    const seconds = (performance.now() - startedAt) / 1000;
    const failed = [...ended].find(([, outcome]) => outcome !== 'succeeded');
    if (failed !== undefined) throw new Error(`${failed[0]} ended ${failed[1]}`);
    return seconds;
  };
  await run(WARM_UP);
  const alone: number[] = [];
  for (let index = 0; index < ACTIONS_ALONE; index++) alone.push((await run(1)) * 1000);
  const rows = [];
  for (const actions of counts) rows.push({ actions, seconds: await run(actions) });
  const version = await versionOf(findNatsServer());
  const note = `${version}, sync_interval always; one coordinator, one executor with ${CONCURRENCY} hands; pacing off; ${DOCUMENT_ACTIONS} actions a document; tool check_file`;
  return { name: 'Conclave', rows, oneActionMs: median(alone), note };
};

/** Hands off so many actions, as soon as the server takes them. */
async function handOff(user: Bus, actions: number): Promise<void> {
  const sizes: number[] = [];
  for (let left = actions; left > 0; left -= DOCUMENT_ACTIONS) sizes.push(Math.min(left, DOCUMENT_ACTIONS));
  const rest = sizes.values();
  const lane = async (): Promise<void> => {
    for (const size of rest) await publishInbox(user, subjects.handoff, documentOf(size));
  };
  await Promise.all(Array.from({ length: DOCUMENTS_IN_FLIGHT }, lane));
}

function documentOf(size: number): HandoffDocument {
  const actions = Array.from({ length: size }, (_, id) => ({
    ...{ id, action: 'look at a file', owner: 'ops_commander', priority: 'high' },
    ...{ tool: 'check_file', args: { path: 'checked.txt' } },
  }));
  return {
    timestamp: new Date().toISOString(),
    meeting_id: `bench-${randomUUID()}`,
    actions,
    count: size,
    source: 'bench',
  };
}

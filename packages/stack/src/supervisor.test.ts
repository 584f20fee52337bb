import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { signalProcess } from './process-group.ts';
import type { ProcessEvent } from './supervised-process.ts';
import { type Supervisor, startSupervisor } from './supervisor.ts';
import { temporaryDir } from './testing/temporary.ts';
import { waitUntil } from './wait.ts';

const idle = 'setInterval(() => {}, 1_000);';
const DEADLINE_MS = 20_000;
const dead = (pid: number) => waitUntil(() => !signalProcess(pid, 0), DEADLINE_MS);

interface Supervised {
  readonly supervisor: Supervisor;
  readonly events: ProcessEvent[];
  readonly logFile: string;
}

async function supervise(context: TestContext, source: string): Promise<Supervised> {
  const cwd = await temporaryDir(context);
  const logFile = join(cwd, 'logs', 'child.log');
  const events: ProcessEvent[] = [];
  await writeFile(join(cwd, 'child.mjs'), source);
  const supervisor = startSupervisor({
    processes: [{ name: 'child', args: [join(cwd, 'child.mjs')], cwd, logFile, env: process.env }],
    onEvent: (event) => events.push(event),
  });
  context.after(supervisor.stop);
  return { supervisor, events, logFile };
}

test('starts a process again that was killed', async (context) => {
  const { supervisor } = await supervise(context, idle);
  const child = supervisor.process('child');
  const before = child.pid ?? 0;
  supervisor.kill('child', 'SIGKILL');
  assert.ok(await waitUntil(() => child.starts === 2 && child.pid !== undefined, DEADLINE_MS));
  assert.notEqual(child.pid, before);
  assert.equal(child.state, 'running');
});

test('waits longer each time a process ends by itself', async (context) => {
  const { supervisor, events, logFile } = await supervise(context, "console.error('out of luck'); process.exit(7);");
  const ends = () => events.filter((event) => event.kind === 'ended');
  assert.ok(await waitUntil(() => ends().length === 3, DEADLINE_MS));
  await supervisor.stop();
  assert.deepEqual(
    ends().map(({ reason, restartInMs }) => ({ reason, restartInMs })),
    [200, 400, 800].map((restartInMs) => ({ reason: 'exit code 7', restartInMs })),
  );
  assert.equal(await readFile(logFile, 'utf8'), 'out of luck\n'.repeat(3));
});

test('keeps a stopped process down until it is started', async (context) => {
  const { supervisor, events } = await supervise(context, idle);
  const child = supervisor.process('child');
  await child.stop();
  assert.deepEqual([child.state, child.pid], ['stopped', undefined]);
  assert.deepEqual(events.at(-1), { kind: 'ended', name: 'child', reason: 'SIGTERM', restartInMs: undefined });
  child.start();
  assert.equal(child.state, 'running');
});

test('restarts a process in order', async (context) => {
  const { supervisor } = await supervise(context, idle);
  const before = supervisor.process('child').pid;
  await supervisor.restart('child');
  assert.notEqual(supervisor.process('child').pid, before);
});

test('takes what a process started along when it stops', async (context) => {
  const source = `import { spawn } from 'node:child_process';
    const child = spawn(process.execPath, ['-e', ${JSON.stringify(idle)}], { stdio: 'ignore' });
    console.log(child.pid);
    ${idle}`;
  const { supervisor, logFile } = await supervise(context, source);
  const grandchild = async () => Number(await readFile(logFile, 'utf8').catch(() => ''));
  assert.ok(await waitUntil(async () => (await grandchild()) > 0, DEADLINE_MS));
  const pid = await grandchild();
  await supervisor.stop();
  assert.ok(await dead(pid));
});

test('names the processes there are when asked for another', async (context) => {
  const { supervisor } = await supervise(context, idle);
  assert.throws(
    () => supervisor.process('parent'),
    /CVE_STACK_FAILED: there is no process parent; this stack runs child/,
  );
});

test('everything ends when the supervisor is killed, even a child that ignores SIGTERM and its stdin', async (context) => {
  const cwd = await temporaryDir(context);
  const pidFile = join(cwd, 'pid');
  const stubborn = `import { writeFileSync } from 'node:fs';
    process.on('SIGTERM', () => {});
    writeFileSync(${JSON.stringify(pidFile)}, String(process.pid));
    ${idle}`;
  await writeFile(join(cwd, 'child.mjs'), stubborn);
  const parent = spawn(process.execPath, [fileURLToPath(new URL('./testing/supervise.ts', import.meta.url)), cwd], {
    stdio: 'ignore',
  });
  context.after(() => parent.kill('SIGKILL'));
  const childPid = async () => Number(await readFile(pidFile, 'utf8').catch(() => ''));
  assert.ok(await waitUntil(async () => (await childPid()) > 0, DEADLINE_MS));
  const pid = await childPid();
  context.after(() => signalProcess(pid, 'SIGKILL'));
  await kill(parent);
  assert.ok(await dead(pid), `child ${pid} outlived its supervisor`);
});

async function kill(parent: ChildProcess): Promise<void> {
  parent.kill('SIGKILL');
  await waitUntil(() => parent.signalCode !== null, DEADLINE_MS);
}

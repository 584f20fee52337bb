import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { until } from '@conclave/bus/testing';
import { isConclaveError } from '@conclave/contracts';
import { isAlive } from '../testing/is-alive.ts';
import { UncertainEffect } from '../uncertain-effect.ts';
import { allowedPath } from './roots.ts';
import { type ScriptLimits, type ScriptRunner, scriptRunner } from './run-script.ts';

const LIMITS: ScriptLimits = { timeoutMs: 20_000, memoryMb: 512, maxFileMb: 1, maxProcesses: 20, outputBytes: 2000 };
const NEVER = new AbortController().signal;

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'conclave-scripts-test-'));
});
after(() => rm(folder, { recursive: true, force: true }));

async function script(name: string, code: string): Promise<string> {
  const file = join(folder, name);
  await writeFile(file, code);
  return file;
}

function runner(limits: Partial<ScriptLimits> = {}): ScriptRunner {
  return scriptRunner({ python: 'python3', markerDir: join(folder, 'markers'), limits: { ...LIMITS, ...limits } });
}

describe('a script', () => {
  test('gets its arguments and returns output and exit code', async () => {
    const file = await script('echo.py', 'import sys; print(sys.argv[1]); sys.exit(3)');
    const ended = await runner().run('echo', file, ['hello; rm -rf /'], NEVER);
    assert.deepEqual([ended.exitCode, ended.stdout.text], [3, 'hello; rm -rf /\n']);
  });

  test('sees no secret of the executor, and a home of its own', async () => {
    process.env.ANTHROPIC_API_KEY = 'a secret';
    const file = await script('env.py', 'import json, os; print(json.dumps(dict(os.environ))); open("x", "w")');
    const ended = await runner().run('env', file, [], NEVER);
    assert.doesNotMatch(ended.stdout.text, /secret|ANTHROPIC|CONCLAVE_NATS|NKEY/);
    assert.match(ended.stdout.text, /"HOME": "[^"]*conclave-script-/);
    assert.equal(ended.exitCode, 0, ended.stderr.text);
  });

  test('that floods its output is cut in the middle, and the rest counted', async () => {
    const file = await script('flood.py', 'print("first"); print("x" * 1_000_000); print("last")');
    const ended = await runner().run('flood', file, [], NEVER);
    assert.match(ended.stdout.text, /^first\n[\s\S]*bytes left out[\s\S]*last\n$/);
    assert.ok(ended.stdout.text.length < 2100);
    assert.equal(ended.stdout.bytes, 1_000_012);
  });

  test('that takes too much memory fails', async () => {
    const file = await script('memory.py', 'x = bytearray(900 * 1024 * 1024); print(len(x))');
    const ended = await runner().run('memory', file, [], NEVER);
    assert.equal(ended.exitCode, 1);
    assert.match(ended.stderr.text, /MemoryError/);
  });

  test('that writes too large a file fails', async () => {
    const file = await script('file.py', 'f = open("big", "wb")\nf.write(b"x" * 3_000_000); f.flush(); print("done")');
    const ended = await runner().run('file', file, [], NEVER);
    assert.doesNotMatch(ended.stdout.text, /done/);
    assert.notEqual(ended.exitCode, 0);
  });

  test('that starts too many processes is killed', async () => {
    const file = await script(
      'forks.py',
      'import subprocess, time\nfor _ in range(40): subprocess.Popen(["sleep", "60"])\ntime.sleep(60)',
    );
    const ended = await runner().run('forks', file, [], NEVER);
    assert.equal(ended.stoppedFor, 'processes');
  });

  test('that takes too long is killed with its grandchildren, also those that left its process group', async () => {
    const pidFile = join(folder, 'grandchild.pid');
    const file = await script(
      'slow.py',
      `import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen(["sh", "-c", "sleep 300"], start_new_session=True)
open(sys.argv[1], "w").write(str(child.pid))
time.sleep(300)`,
    );
    const ended = await runner({ timeoutMs: 6000 }).run('slow', file, [pidFile], NEVER);
    assert.deepEqual([ended.stoppedFor, ended.signal], ['time', 'SIGKILL']);
    const pid = Number(await readFile(pidFile, 'utf8'));
    await until(() => !isAlive(pid), 'the grandchild is gone');
  });

  test('leaves nothing running when it ends by itself', async () => {
    const file = await script('leave.py', 'import subprocess; print(subprocess.Popen(["sleep", "300"]).pid)');
    const ended = await runner().run('leave', file, [], NEVER);
    const pid = Number(ended.stdout.text);
    await until(() => !isAlive(pid), 'the child is gone');
  });

  const escapes = {
    'a child with another session and environment':
      'child = subprocess.Popen(["sleep", "300"], env={}, start_new_session=True)\nopen(sys.argv[1], "w").write(str(child.pid))',
    'a daemon whose parent is gone': `if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        open(sys.argv[1], "w").write(str(os.getpid()))
        os.execve("/bin/sleep", ["sleep", "300"], {})
    os._exit(0)
os.wait()
while not os.path.exists(sys.argv[1]) or os.path.getsize(sys.argv[1]) == 0: time.sleep(0.01)`,
  };
  for (const [name, code] of Object.entries(escapes)) {
    test(`does not leave ${name} running`, async () => {
      const pidFile = join(folder, `${name.replaceAll(' ', '-')}.pid`);
      const file = await script('escape.py', `import os, subprocess, sys, time\n${code}`);
      const ended = await runner().run(name, file, [pidFile], NEVER);
      assert.equal(ended.exitCode, 0, ended.stderr.text);
      assert.equal(ended.stoppedFor, undefined);
      const pid = Number(await readFile(pidFile, 'utf8'));
      await until(() => !isAlive(pid), 'the process is gone');
    });
  }

  test('that hides too many processes is killed all the same', async () => {
    const file = await script(
      'hidden-forks.py',
      'import subprocess, time\nfor _ in range(40): subprocess.Popen(["sleep", "60"], env={}, start_new_session=True)\ntime.sleep(60)',
    );
    const ended = await runner().run('hidden-forks', file, [], NEVER);
    assert.equal(ended.stoppedFor, 'processes');
  });

  test('has ended when it ends, though somebody else holds its output open', async () => {
    const socket = join(folder, 'holder.sock');
    const holding = `import socket, sys
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1]); server.listen()
print("listening", flush=True)
client, _ = server.accept()
held = socket.recv_fds(client, 1, 1)
client.send(b"!")
sys.stdin.read()`;
    const holder = spawn('python3', ['-c', holding, socket], { stdio: ['pipe', 'pipe', 'inherit'] });
    try {
      await once(holder.stdout, 'data');
      const file = await script(
        'held.py',
        `import socket, sys
print("done", flush=True)
client = socket.socket(socket.AF_UNIX)
client.connect(sys.argv[1])
socket.send_fds(client, [b"!"], [1])
client.recv(1)`,
      );
      const ended = await runner().run('held', file, [socket], NEVER);
      assert.deepEqual([ended.exitCode, ended.stdout.text], [0, 'done\n'], ended.stderr.text);
      assert.equal(holder.exitCode, null, 'it still holds the output');
    } finally {
      holder.stdin.end();
    }
  });

  test('is killed when the action is stopped', async () => {
    const pidFile = join(folder, 'stopped.pid');
    const file = await script(
      'stopped.py',
      'import os, sys, time; open(sys.argv[1], "w").write(str(os.getpid())); time.sleep(300)',
    );
    const stop = new AbortController();
    const running = runner().run('stopped', file, [pidFile], stop.signal);
    const pid = await until(
      async () => Number(await readFile(pidFile, 'utf8').catch(() => '')) || undefined,
      'the script runs',
    );
    stop.abort();
    await assert.rejects(running, (error) => isConclaveError(error, 'CVE_CANCELLED'));
    await until(() => !isAlive(pid), 'the script is gone');
  });

  test('is not started, or killed at once, when the action was stopped meanwhile', async () => {
    const file = await script('meanwhile.py', 'import time; time.sleep(300)');
    const stop = new AbortController();
    const running = runner().run('meanwhile', file, [], stop.signal);
    stop.abort();
    await assert.rejects(running, (error) => isConclaveError(error, 'CVE_CANCELLED'));
  });
});

describe('one call', () => {
  test('is run once, however often it is asked for', async () => {
    const tally = join(folder, 'tally');
    const file = await script('tally.py', 'import sys; open(sys.argv[1], "a").write("x")');
    assert.equal((await runner().run('once', file, [tally], NEVER)).exitCode, 0);
    await assert.rejects(runner().run('once', file, [tally], NEVER), UncertainEffect);
    assert.equal(await readFile(tally, 'utf8'), 'x');
  });

  test('is run once by two that race', async () => {
    const tally = join(folder, 'race');
    const file = await script('race.py', 'import sys; open(sys.argv[1], "a").write("x")');
    const both = await Promise.allSettled([1, 2].map(() => runner().run('race', file, [tally], NEVER)));
    assert.deepEqual(both.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected']);
    assert.equal(await readFile(tally, 'utf8'), 'x');
  });

  test('whose supervisor is killed ends nobody knows how, and is stopped', async () => {
    const pidFile = join(folder, 'orphan.pid');
    const file = await script(
      'orphan.py',
      `import os, signal, sys, time
open(sys.argv[1], "w").write(str(os.getpid()))
os.kill(os.getppid(), signal.SIGKILL)
time.sleep(300)`,
    );
    await assert.rejects(runner().run('orphan', file, [pidFile], NEVER), UncertainEffect);
    const pid = Number(await readFile(pidFile, 'utf8'));
    await until(() => !isAlive(pid), 'the script is gone');
  });

  test('that no supervisor could start has failed, and certainly', async () => {
    const file = await script('unstarted.py', '');
    const noSupervisor = scriptRunner({
      python: join(folder, 'no-python'),
      markerDir: join(folder, 'markers'),
      limits: LIMITS,
    });
    await noSupervisor.announce('unstarted');
    await assert.rejects(noSupervisor.run('unstarted', file, [], NEVER), (error) =>
      isConclaveError(error, 'CVE_TOOL_FAILED'),
    );
    assert.equal(await noSupervisor.neverStarted('unstarted'), true);
  });

  test('is known to be unstarted only where it was announced, and until it starts', async () => {
    const file = await script('nothing.py', '');
    assert.equal(await runner().neverStarted('elsewhere'), false);
    await runner().announce('here');
    assert.equal(await runner().neverStarted('here'), true);
    await runner().run('here', file, [], NEVER);
    assert.equal(await runner().neverStarted('here'), false);
  });
});

describe('the allowed folders', () => {
  test('hold a file by relative and by absolute path', async () => {
    const file = await script('inside.py', '');
    assert.equal((await allowedPath('inside.py', [folder])).exists, true);
    assert.equal((await allowedPath(file, [folder])).exists, true);
    assert.equal((await allowedPath('missing.py', [folder])).exists, false);
  });

  const escapes = [
    '../outside.py',
    '/etc/passwd',
    'a/../../outside.py',
    '.',
    '',
    'link/passwd',
    'link/missing',
    'file-link',
  ];
  for (const path of escapes) {
    test(`do not hold ${JSON.stringify(path)}`, async () => {
      await symlink('/etc', join(folder, 'link')).catch(() => {});
      await symlink('/etc/passwd', join(folder, 'file-link')).catch(() => {});
      await assert.rejects(allowedPath(path, [folder]), (error) => isConclaveError(error, 'CVE_SCRIPT_FORBIDDEN'));
    });
  }

  test('hold nothing when none is configured', async () => {
    await assert.rejects(allowedPath('inside.py', []), /scriptRoots/);
  });
});

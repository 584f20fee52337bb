import { spawn } from 'node:child_process';
import { constants } from 'node:os';

const lastLines = 40;
const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/**
 * Runs a program to its end without a shell and returns what it printed (stdout and stderr together).
 * Ends with this process when that is interrupted. Throws with the command line, the exit code and its last lines when it fails or cannot be started.
 */
export function run(program, args, { cwd, env = process.env, timeoutSeconds = 600 } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const commandLine = [program, ...args].join(' ');
    let output = '';
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill('SIGKILL');
    }, timeoutSeconds * 1000);
    const interrupt = (signal) => {
      child.kill(signal);
      process.exit(128 + constants.signals[signal]);
    };
    for (const signal of stopSignals) process.on(signal, interrupt);
    const settle = () => {
      clearTimeout(timer);
      for (const signal of stopSignals) process.off(signal, interrupt);
    };
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    child.on('error', (error) => {
      settle();
      reject(new Error(`${commandLine} could not be started: ${error.message}`));
    });
    child.on('close', (code, signal) => {
      settle();
      if (code === 0) return resolve(output);
      const outcome = timedOut ? `took longer than ${timeoutSeconds} s` : `ended with ${signal ?? `exit code ${code}`}`;
      const tail = output.trimEnd().split('\n').slice(-lastLines).join('\n');
      reject(new Error(`${commandLine} ${outcome}:\n${tail}`));
    });
  });
}

/** What `program --version` prints, or undefined when it cannot be run. */
export async function versionOf(program, env = process.env) {
  try {
    return (await run(program, ['--version'], { env, timeoutSeconds: 20 })).trim();
  } catch {
    return undefined;
  }
}

/**
 * Puts a program in this process's place as far as Node allows: same terminal, signals forwarded, exit status kept.
 * The child also gets an IPC channel, so that it notices (`disconnect`) when this process is killed outright.
 */
export function become(program, args, { cwd, env, ipc = false }) {
  const child = spawn(program, args, { cwd, env, stdio: ['inherit', 'inherit', 'inherit', ...(ipc ? ['ipc'] : [])] });
  for (const signal of stopSignals) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    console.error(`${program} could not be started: ${error.message}`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => process.exit(signal ? 128 + constants.signals[signal] : code));
}

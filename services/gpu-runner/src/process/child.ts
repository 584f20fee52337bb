import { fork } from 'node:child_process';
import { ConclaveError, type ErrorCode, isErrorCode, messageOf } from '@conclave/contracts';
import type { z } from 'zod';

/** Of the environment a child sees only what loading libraries needs: no token or key of the service reaches a model. */
const PASSED = ['PATH', 'HOME', 'TMPDIR', 'LD_LIBRARY_PATH', 'CUDA_VISIBLE_DEVICES', 'CUDA_HOME', 'LANG'];

/** A running child process that exchanges parsed messages. */
export interface Child<Out> {
  readonly pid: number | undefined;
  /** False when the child is gone or going; the exit is reported by `onExit`. */
  send(message: Out): boolean;
  /** Ends it at once. */
  kill(): void;
  /** Resolves when it has ended. */
  readonly ended: Promise<void>;
}

/**
 * Starts a script of this service as a child process that ends with its parent.
 * @param onExit called once, with `code 1` or `signal SIGKILL`
 */
export function startChild<In, Out extends object>(
  script: URL,
  schema: z.ZodType<In>,
  handlers: { onMessage(message: In): void; onExit(how: string): void },
): Child<Out> {
  const env = Object.fromEntries(
    PASSED.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  );
  const child = fork(script, {
    serialization: 'advanced',
    env,
    execArgv: [],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const ended = Promise.withResolvers<void>();
  let over = false;
  const finish = (how: string) => {
    if (over) return;
    over = true;
    ended.resolve();
    handlers.onExit(how);
  };
  child.on('message', (message) => {
    const parsed = schema.safeParse(message);
    if (parsed.success) handlers.onMessage(parsed.data);
    else child.kill('SIGKILL');
  });
  child.on('error', (error) => {
    // Reported also when a message could not be sent; then the exit follows on its own.
    if (child.pid === undefined) finish(`could not be started: ${messageOf(error)}`);
  });
  child.on('exit', (code, signal) => finish(signal === null ? `ended with code ${code}` : `was ended by ${signal}`));
  return {
    pid: child.pid,
    send: (message) => child.connected && child.send(message, () => {}),
    kill: () => void child.kill('SIGKILL'),
    ended: ended.promise,
  };
}

/** The error that a child reported, with its own code if that is a known one. */
export function codedError(reported: { code: string; message: string }, fallback: ErrorCode): ConclaveError {
  const text = reported.message.replace(/^CVE_\w+: /, '');
  return new ConclaveError(isErrorCode(reported.code) ? reported.code : fallback, text);
}

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Sees to it that the process groups on its list end when this process does, however it ends. */
export interface Guard {
  readonly pid: number | undefined;
  /** Puts a process group, named by its leader, on the list. */
  watch(leaderPid: number): void;
  /** Takes it off again, once it has ended. */
  release(leaderPid: number): void;
  /** Ends whatever is still on the list, then the guard; resolves when that is done. */
  close(): Promise<void>;
}

/** Starts the guard in a session of its own, so that neither Ctrl-C nor the death of this process takes it along. */
export function startGuard(): Guard {
  const program = fileURLToPath(new URL('./guardian.ts', import.meta.url));
  const child = spawn(process.execPath, [program], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  child.stdin.on('error', () => undefined);
  child.unref();
  return {
    pid: child.pid,
    watch: (leaderPid) => child.stdin.write(`+${leaderPid}\n`),
    release: (leaderPid) => child.stdin.write(`-${leaderPid}\n`),
    close: () => {
      child.ref();
      child.stdin.end();
      return ended;
    },
  };
}

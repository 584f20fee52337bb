import { readFileSync } from 'node:fs';

/** Sends a signal to a process group (0 only asks); true when the group had a process to receive it. */
export function signalGroup(leaderPid: number, signal: NodeJS.Signals | 0): boolean {
  return send(-leaderPid, signal);
}

/** Sends a signal to one process (0 only asks); true when there is such a process. One that has ended is none, collected or not. */
export function signalProcess(pid: number, signal: NodeJS.Signals | 0): boolean {
  return send(pid, signal) && !isZombie(pid);
}

/** In containers whose first process collects nobody, a process whose parent has died stays listed for ever after its end. */
function isZombie(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.startsWith('Z', stat.lastIndexOf(')') + 2);
  } catch {
    return false;
  }
}

function send(target: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(target, signal);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

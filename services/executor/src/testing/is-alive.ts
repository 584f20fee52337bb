import { readFileSync } from 'node:fs';

/**
 * Whether a process runs. One that has ended and waits for its parent to hear of it does not: in a container without an init process nobody
 * ever fetches orphans.
 */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  return stateOf(pid) !== 'Z';
}

/** The letter of `/proc/<pid>/stat`, which follows the name in brackets; undefined where there is no /proc. */
function stateOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[0];
  } catch {
    return undefined;
  }
}

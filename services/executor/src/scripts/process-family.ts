import { readdirSync, readFileSync } from 'node:fs';
import { FAMILY_VARIABLE } from './protocol.ts';

/**
 * Ids of the processes that carry the family's mark in their environment, also those that left the process group.
 * Empty where there is no /proc.
 */
export function familyOf(mark: string): number[] {
  const wanted = `${FAMILY_VARIABLE}=${mark}\0`;
  return processIds().filter((pid) => environmentOf(pid).includes(wanted));
}

/** Kills the process group and whoever of the family left it, until nobody is found. */
export function killFamily(groupId: number | undefined, mark: string): void {
  for (let round = 0; round < 5; round++) {
    if (groupId !== undefined) signal(-groupId, 'SIGKILL');
    const left = familyOf(mark);
    if (left.length === 0) return;
    for (const pid of left) signal(pid, 'SIGKILL');
  }
}

/** Sends a signal; a process that is gone already is no error. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // Gone already.
  }
}

function processIds(): number[] {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
  } catch {
    return [];
  }
}

function environmentOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1');
  } catch {
    return '';
  }
}

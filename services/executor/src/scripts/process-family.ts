import { readdirSync, readFileSync } from 'node:fs';
import { FAMILY_VARIABLE } from './supervisor-protocol.ts';

/** How the processes that come from one script are recognised. */
export interface Family {
  /** Value of the variable that they inherit, those without a supervisor too, unless they drop it. */
  readonly mark: string;
  /** The supervisor, while it lives: they all descend from it, whatever session, environment and parent they have left. */
  readonly ancestor?: number;
  /** Process group that the script began in. */
  readonly group?: number | undefined;
}

/** Ids of the family's living processes, the ancestor left out. Empty where there is no /proc. */
export function familyOf({ mark, ancestor }: Family): number[] {
  const living = livingProcesses();
  const wanted = `${FAMILY_VARIABLE}=${mark}\0`;
  const marked = living.filter(({ pid }) => environmentOf(pid).includes(wanted)).map(({ pid }) => pid);
  const family = new Set(ancestor === undefined ? marked : [ancestor, ...marked]);
  for (let before = -1; before < family.size; ) {
    before = family.size;
    for (const { pid, parent } of living) if (family.has(parent)) family.add(pid);
  }
  return [...family].filter((pid) => pid !== ancestor);
}

/** Kills the process group and whoever of the family left it, until nobody is found. */
export function killFamily(family: Family): void {
  for (let round = 0; round < 20; round++) {
    if (family.group !== undefined) signal(-family.group, 'SIGKILL');
    const left = familyOf(family);
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

function livingProcesses(): { pid: number; parent: number }[] {
  return processIds().flatMap((pid) => {
    // `pid (name) state parent ...`; the name may hold anything. Twentieth: number of threads.
    const stat = textOf(pid, 'stat');
    const [state, parent, ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const isDead = state === undefined || (state === 'Z' && rest[15] === '1');
    return isDead ? [] : [{ pid, parent: Number(parent) }];
  });
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
  return textOf(pid, 'environ');
}

function textOf(pid: number, file: 'stat' | 'environ'): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    return '';
  }
}

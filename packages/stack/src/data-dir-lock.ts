import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConclaveError } from '@conclave/contracts';
import { signalProcess } from './process-group.ts';
import { waitUntil } from './wait.ts';

/** The right to run a stack on one data directory; two servers on one store would destroy it. */
export interface DataDirLock {
  /** Has the lock outlive this process for as long as its guard, which is still ending the server then. */
  extendTo(guardPid: number): void;
  release(): void;
}

interface Holder {
  readonly pid: number;
  readonly startTime: string;
  readonly guardPid?: number;
}

const guardGraceMs = 10_000;

/**
 * Takes the lock, waiting only for the guard of a stack that was just killed.
 * @throws CVE_STACK_LOCKED naming the process that has it.
 */
export async function lockDataDir(dataDir: string): Promise<DataDirLock> {
  mkdirSync(dataDir, { recursive: true });
  const file = join(dataDir, 'stack.lock');
  const own: Holder = { pid: process.pid, startTime: startTimeOf(process.pid) };
  while (!create(file, own)) {
    const found = textOf(file);
    if (found === undefined) continue;
    const holder = parse(found);
    if (holder && (isRunning(holder) || !(await guardEnds(holder)))) throw locked(dataDir, file, holder);
    if (!removeAbandoned(file, found, own)) await sleep(10);
  }
  return {
    extendTo: (guardPid) => replace(file, { ...own, guardPid }),
    release: () => {
      if (parse(textOf(file) ?? '')?.pid === process.pid) rmSync(file, { force: true });
    },
  };
}

function locked(dataDir: string, file: string, holder: Holder): ConclaveError {
  return new ConclaveError(
    'CVE_STACK_LOCKED',
    `${dataDir} is in use by the Conclave stack of process ${holder.pid}; stop that one, or start with another data directory ` +
      `(--data-dir). If process ${holder.pid} is no Conclave stack, delete ${file}`,
  );
}

function isRunning(holder: Holder): boolean {
  return signalProcess(holder.pid, 0) && startTimeOf(holder.pid) === holder.startTime;
}

async function guardEnds({ guardPid }: Holder): Promise<boolean> {
  return guardPid === undefined || waitUntil(() => !signalProcess(guardPid, 0), guardGraceMs);
}

/** When a process started, in the kernel's ticks; tells a holder from a later process with its number. Empty where /proc is missing. */
function startTimeOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}

/** True when the file did not exist and now holds this holder, complete from its first moment. */
function create(file: string, holder: Holder): boolean {
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, JSON.stringify(holder));
  try {
    linkSync(draft, file);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

function replace(file: string, holder: Holder): void {
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, JSON.stringify(holder));
  renameSync(draft, file);
}

/**
 * Removes the lock of a holder that is gone, unless it is another by now. Only the one process whose turn it is may: between the look of a
 * second one and its removal the first could take the lock, and lose it again. False when it is another's turn.
 */
function removeAbandoned(file: string, found: string, own: Holder): boolean {
  const turn = `${file}.takeover`;
  if (!create(turn, own)) {
    const other = textOf(turn);
    const holder = parse(other ?? '');
    if (other !== undefined && (!holder || !isRunning(holder))) rmSync(turn, { force: true });
    return false;
  }
  try {
    if (textOf(file) === found) rmSync(file, { force: true });
  } finally {
    rmSync(turn, { force: true });
  }
  return true;
}

/** Undefined when the file is absent. */
function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Undefined when the text is not a lock's: written in one step, it is never half of one. */
function parse(text: string): Holder | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || !('pid' in value) || typeof value.pid !== 'number')
      return undefined;
    const startTime = 'startTime' in value && typeof value.startTime === 'string' ? value.startTime : '';
    const guardPid = 'guardPid' in value && typeof value.guardPid === 'number' ? { guardPid: value.guardPid } : {};
    return { pid: value.pid, startTime, ...guardPid };
  } catch {
    return undefined;
  }
}

import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { ConclaveError } from '@conclave/contracts';
import { z } from 'zod';

/**
 * Named fault points stand in the real path, so that a crash test can stop a service exactly between two effects.
 * CONCLAVE_FAULT is a comma-separated list of `name[@nth]=kill`, `name[@nth]=stop` (SIGSTOP: frozen until somebody sends SIGCONT) or
 * `name[@nth]=stall:<milliseconds>`; `@2` means the second passing, without it the first. Each happens once a process, or
 * with CONCLAVE_FAULT_ONCE_DIR (a directory that outlives it) once in all. Unset, a point costs one test.
 */
interface Fault {
  readonly name: string;
  readonly nth: number;
  readonly act: 'kill' | 'stop' | 'stall';
  readonly stallMs: number;
}

const SPEC = /^([a-z0-9._-]+?)(?:@(\d+))?=(kill|stop|stall):?(\d+)?$/i;
const fields = z.tuple([
  z.string(),
  z.coerce.number().int().min(1),
  z.enum(['kill', 'stop', 'stall']),
  z.coerce.number().int().nonnegative(),
]);

/** @throws CVE_ENVIRONMENT_INVALID */
export function parseFaults(text: string | undefined): readonly Fault[] {
  if (text === undefined || text.trim() === '') return [];
  return text.split(',').map((part) => {
    const match = SPEC.exec(part.trim());
    const parsed = fields.safeParse([match?.[1], match?.[2] ?? 1, match?.[3], match?.[4] ?? 0]);
    if (!parsed.success) {
      throw new ConclaveError(
        'CVE_ENVIRONMENT_INVALID',
        `CONCLAVE_FAULT has "${part}"; write name=kill, name=stop, name=stall:5000 or name@2=kill`,
      );
    }
    const [name, nth, act, stallMs] = parsed.data;
    return { name, nth, act, stallMs };
  });
}

const faults = parseFaults(process.env.CONCLAVE_FAULT);
const passings = new Map<string, number>();

/** Passes the point of that name; in a crash test the process may end or stand still here. */
export async function faultPoint(name: string): Promise<void> {
  if (faults.length === 0) return;
  const nth = (passings.get(name) ?? 0) + 1;
  passings.set(name, nth);
  for (const fault of faults) {
    if (fault.name !== name || fault.nth !== nth || hasHappened(fault)) continue;
    process.stderr.write(`${JSON.stringify({ level: 'warn', msg: 'fault point', name, nth, act: fault.act })}\n`);
    if (fault.act === 'kill') process.kill(process.pid, 'SIGKILL');
    else if (fault.act === 'stop') process.kill(process.pid, 'SIGSTOP');
    else await new Promise((resolve) => setTimeout(resolve, fault.stallMs));
  }
}

/** Leaves a mark in the directory for faults that happen once in all; true when the mark was there. */
function hasHappened(fault: Fault): boolean {
  const directory = process.env.CONCLAVE_FAULT_ONCE_DIR;
  if (directory === undefined) return false;
  try {
    closeSync(openSync(join(directory, `fault-${fault.name}-${fault.nth}`), 'wx'));
    return false;
  } catch {
    return true;
  }
}

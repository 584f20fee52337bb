import { readFileSync } from 'node:fs';

/** What a process has used. */
export interface Usage {
  /** Memory it has now. */
  readonly residentMb: number;
  /** The most memory it ever had. */
  readonly peakMb: number;
  /** Processor time, of all its threads. */
  readonly cpuSeconds: number;
}

/** Clock ticks a second in /proc, the same on every Linux. */
const TICKS = 100;

/** Zeros where the system does not tell (no Linux), or the process has ended. */
export function usageOf(pid: number | undefined): Usage {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const mb = (name: string): number =>
      Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) / 1024;
    // The name before may have spaces; utime and stime are the 12th and 13th field behind it.
    const [, behindName = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ');
    const [user, system] = behindName.split(' ').slice(11, 13).map(Number);
    return { residentMb: mb('VmRSS'), peakMb: mb('VmHWM'), cpuSeconds: ((user ?? 0) + (system ?? 0)) / TICKS };
  } catch {
    return { residentMb: 0, peakMb: 0, cpuSeconds: 0 };
  }
}

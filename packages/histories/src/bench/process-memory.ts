import { readFileSync } from 'node:fs';

/** Memory of a process in MB: what it has now, and the most it ever had. Zeros where the system does not tell (no Linux) or it has ended. */
export function memoryOf(pid: number | undefined): { residentMb: number; peakMb: number } {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const mb = (name: string): number =>
      Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) / 1024;
    return { residentMb: mb('VmRSS'), peakMb: mb('VmHWM') };
  } catch {
    return { residentMb: 0, peakMb: 0 };
  }
}

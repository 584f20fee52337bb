import { fileURLToPath } from 'node:url';

const SUPERVISOR = fileURLToPath(new URL('./script-supervisor.ts', import.meta.url));

/**
 * Has orphans of the script fall to the process that runs this (PR_SET_CHILD_SUBREAPER, which a program keeps over exec), and
 * then becomes the supervisor. Node cannot ask for that itself. Where Python has no ctypes, orphans are known by their mark only.
 */
const AS_SUBREAPER = `
import os, sys
try:
    import ctypes
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
except (ImportError, OSError, AttributeError):
    pass
os.execv(sys.argv[1], sys.argv[1:])`;

/** The command that starts a supervisor. */
export function supervisorCommand(python: string): readonly [command: string, ...args: string[]] {
  const node = [process.execPath, SUPERVISOR] as const;
  return process.platform === 'linux' ? [python, '-I', '-S', '-c', AS_SUBREAPER, ...node] : node;
}

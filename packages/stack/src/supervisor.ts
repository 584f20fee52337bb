import { ConclaveError } from '@conclave/contracts';
import type { Guard } from './guard.ts';
import { type ProcessEvent, type ProcessSpec, type SupervisedProcess, superviseProcess } from './supervised-process.ts';

export interface SupervisorOptions {
  readonly processes: readonly ProcessSpec[];
  readonly guard?: Guard;
  readonly onEvent?: (event: ProcessEvent) => void;
}

/** Keeps a set of processes running. */
export interface Supervisor {
  readonly processes: readonly SupervisedProcess[];
  /** @throws CVE_STACK_FAILED when no process has that name. */
  process(name: string): SupervisedProcess;
  /** Sends a signal to one process; if it ends by that, it is started again as after a crash. */
  kill(name: string, signal: NodeJS.Signals): void;
  /** Ends one process in order and starts it again at once. */
  restart(name: string): Promise<void>;
  /** Ends all: SIGTERM, up to ten seconds, SIGKILL. Resolves when none is left. */
  stop(): Promise<void>;
}

/** Starts the processes and starts each again whenever it ends by itself, ever later while it keeps ending (0.2 s to 5 s). */
export function startSupervisor(options: SupervisorOptions): Supervisor {
  const processes = options.processes.map((spec) => superviseProcess(spec, options));
  const find = (name: string): SupervisedProcess => {
    const found = processes.find((candidate) => candidate.name === name);
    if (found) return found;
    const names = processes.map((candidate) => candidate.name).join(', ');
    throw new ConclaveError('CVE_STACK_FAILED', `there is no process ${name}; this stack runs ${names}`);
  };
  return {
    processes,
    process: find,
    kill: (name, signal) => find(name).kill(signal),
    restart: (name) => find(name).restart(),
    stop: async () => {
      await Promise.all(processes.map((candidate) => candidate.stop()));
    },
  };
}

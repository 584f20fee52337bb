import { z } from 'zod';

/** What the supervisor is told on its first line of input. The rest of its input stays open: its end means "stop". */
export const scriptOrder = z.object({
  command: z.array(z.string()).min(1),
  cwd: z.string(),
  env: z.record(z.string(), z.string()),
  /** Created, never overwritten, before the script starts. */
  startMarker: z.string(),
  timeoutMs: z.number().positive(),
  memoryMb: z.number().int().positive(),
  maxFileMb: z.number().int().positive(),
  maxProcesses: z.number().int().positive(),
  /** Bytes kept of each of stdout and stderr. */
  outputBytes: z.number().int().positive(),
});
export type ScriptOrder = z.infer<typeof scriptOrder>;

const keptOutput = z.object({ text: z.string(), bytes: z.number().int(), dropped: z.number().int() });
export type KeptOutput = z.infer<typeof keptOutput>;

export const scriptReport = z.discriminatedUnion('kind', [
  /** Another supervisor has started this very call before. */
  z.object({ kind: z.literal('already_started') }),
  z.object({
    kind: z.literal('ended'),
    exitCode: z.number().int().nullable(),
    signal: z.string().nullable(),
    stdout: keptOutput,
    stderr: keptOutput,
    durationMs: z.number().nonnegative(),
    /** Why the supervisor ended it; absent when it ended by itself. */
    stoppedFor: z.enum(['time', 'processes']).optional(),
    /** Why it could not be started. */
    startFailure: z.string().optional(),
  }),
]);
export type ScriptReport = z.infer<typeof scriptReport>;

/** Environment variable that every process of one script inherits: how its family is recognised. */
export const FAMILY_VARIABLE = 'CONCLAVE_SCRIPT_FAMILY';

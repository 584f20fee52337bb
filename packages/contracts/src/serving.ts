import { z } from 'zod';
import { versionName } from './names.ts';

/**
 * How far a runner is with the stable version that the journal asks for.
 * `serving`: it answers alone beside the open rollout's candidate. `loading`, `restarting`: it will. `failed`: it cannot be loaded there,
 * and `detail` says why. `behind`: the runner has not heard of it yet, or goes on with a candidate that is over.
 */
export const runnerServing = z.object({
  runner: z.string().min(1),
  state: z.enum(['serving', 'loading', 'restarting', 'failed', 'behind']),
  /** The version that answers as stable there at this moment; null when nothing does. */
  answers: versionName.nullable(),
  detail: z.string(),
});
export type RunnerServing = z.infer<typeof runnerServing>;

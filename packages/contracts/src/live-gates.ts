import { z } from 'zod';
import { modelName } from './names.ts';
import { verdict } from './verdict.ts';

/**
 * Core message on `conclave.gates.<model>`, once a second while a rollout is open: how the leader judges each gate at this moment. The journal
 * holds transitions alone, with the counts of their time; what is shown should be of now, and need not be kept.
 */
export const liveGates = z.object({
  model: modelName,
  rolloutId: z.string(),
  stageEpoch: z.number().int().nonnegative(),
  at: z.iso.datetime(),
  verdicts: z.array(verdict),
  /** The measured split of the stage against the asked one; null where no live share is asked for. */
  split: z
    .object({
      asked: z.number(),
      /** The candidate's part of the live requests in this stage, 0 to 1; null while there are none. */
      measured: z.number().nullable(),
      candidateRequests: z.number().int(),
      stableRequests: z.number().int(),
      /** What there is to say about it, one sentence each; empty while the split is as asked. */
      sentences: z.array(z.string()),
    })
    .nullable()
    .optional(),
});
export type LiveGates = z.infer<typeof liveGates>;

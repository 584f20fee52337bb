import { z } from 'zod';
import type { AggregateKind } from './subjects.ts';

/** Services that write what others rest on, and so sign it. */
export const WRITERS = ['coordinator', 'planner', 'executor', 'gpu-runner'] as const;
export type Writer = (typeof WRITERS)[number];

/** The one service that writes each kind of aggregate: NATS permissions and signatures both follow from this table. */
export const WRITER_OF: Readonly<Record<AggregateKind, Writer>> = {
  schedule: 'coordinator',
  rollouts: 'coordinator',
  meetings: 'planner',
  actions: 'executor',
  evaluations: 'gpu-runner',
  incidents: 'coordinator',
  models: 'coordinator',
  roadmap: 'coordinator',
};

/**
 * Whose signature counts, and from when until when. A key that is to be used soon is added everywhere first; one that is no longer used
 * gets an `until` and stays, or nobody could read what it signed.
 */
export const keyring = z.strictObject({
  keys: z
    .array(
      z.strictObject({
        key: z
          .string()
          .regex(/^U[A-Z2-7]{55}$/, 'must be a public nkey of a user (U...)')
          .describe('Public nkey of the user.'),
        role: z.enum(WRITERS).describe('The service that signs with it.'),
        from: z.iso.datetime().optional().describe('Signatures count on what the server stored from then on.'),
        until: z.iso.datetime().optional().describe('And on nothing that it stored at that time or later.'),
      }),
    )
    .min(1),
});
export type KeyringFile = z.infer<typeof keyring>;

import { z } from 'zod';
import { VENDOR_NAMES } from '../model-choice.ts';
import { openObject, recordedName } from '../open-object.ts';
import { executiveRole } from '../roles.ts';
import { eventOf } from './event.ts';

/**
 * `succeeded`, `failed`: known. `blocked`: refused by a precondition, e.g. a stage that is not earned. `uncertain`: it
 * may or may not have happened and nobody can tell; people decide. `superseded`: a newer plan replaced it unstarted.
 */
export const actionOutcome = z.enum(['succeeded', 'failed', 'blocked', 'uncertain', 'superseded']);
export type ActionOutcome = z.infer<typeof actionOutcome>;

export const criterionVerdict = openObject({
  text: z.string(),
  verdict: z.enum(['met', 'unmet', 'unjudged']),
  detail: z.string(),
});
export type CriterionVerdict = z.infer<typeof criterionVerdict>;

/** Which adapter and model spoke; `rules` is no LLM. */
export const speaker = openObject({ adapter: recordedName, model: z.string() });
/** Adapters that this version may write. */
export const SPEAKING_ADAPTERS = [...VENDOR_NAMES, 'rules'] as const;
export type Speaker = z.infer<typeof speaker>;

/** Events of `conclave.journal.actions.<id>`. Single writer: the executor. */
export const actionEvent = z.discriminatedUnion('type', [
  eventOf(
    'action.started',
    openObject({
      actionId: z.string(),
      owner: executiveRole,
      attempt: z.number().int().min(1),
      worker: z.string(),
      speaker,
    }),
  ),
  /** Recorded before the effect; `callId` is the effect's idempotency key. */
  eventOf(
    'action.tool_called',
    openObject({
      callId: z.string(),
      tool: recordedName,
      args: z.record(z.string(), z.unknown()),
      reason: z.string(),
      /** Who asked for it, where that may differ from who was to speak at the start: a substitute may have. */
      speaker: speaker.optional(),
    }),
  ),
  eventOf(
    'action.tool_returned',
    openObject({
      callId: z.string(),
      tool: recordedName,
      ok: z.boolean(),
      result: z.unknown(),
      error: z.string().optional(),
      durationMs: z.number().nonnegative(),
    }),
  ),
  eventOf(
    'action.completed',
    openObject({
      actionId: z.string(),
      outcome: actionOutcome,
      summary: z.string(),
      criteria: z.array(criterionVerdict),
      /** Who said that it is done. */
      speaker: speaker.optional(),
    }),
  ),
]);
export type ActionEvent = z.infer<typeof actionEvent>;

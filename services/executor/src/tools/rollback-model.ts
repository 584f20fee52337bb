import { ConclaveError, openRollout, type Rollout, rollbackAnswer, type World } from '@conclave/contracts';
import { z } from 'zod';
import type { WorldView } from '../world/world-view.ts';
import { askCoordinator, type Requester } from './ask-coordinator.ts';
import { resolveModel, resolveTarget, targetArgs } from './target.ts';
import { defineTool, type Tool } from './tool.ts';

const args = z.strictObject({
  ...targetArgs,
  reason: z.string().min(1).max(2000).describe('Why; it goes on record.'),
  rolloutId: z
    .string()
    .nullable()
    .optional()
    .describe(
      'The rollout that is to end, so that a call made again ends no later one; null when none was open. Filled in from the world: leave it out.',
    ),
});

/** Asks the coordinator to end the open rollout. A version that is named must be the one being rolled out. */
export function rollbackModel(bus: Requester, world: Pick<WorldView, 'upToDate'>): Tool {
  return defineTool({
    name: 'rollback_model',
    description: 'Ends the open rollout of a model at once: the stable version serves. Needs a reason.',
    args,
    idempotent: true,
    changes: true,
    complete(given, present) {
      const model = resolveModel(present, given.model);
      const open = openOf(present, model);
      const rolloutId = given.rolloutId ?? open?.rolloutId ?? null;
      if (open !== undefined && rolloutId !== open.rolloutId) {
        throw new ConclaveError(
          'CVE_TOOL_INVALID_ARGS',
          `rollout ${rolloutId} of ${model} is not open, ${open.rolloutId} is; name ${open.rolloutId} or no rollout`,
        );
      }
      if (given.version === undefined) return { ...given, model, rolloutId };
      const { version } = resolveTarget(present, { model, version: given.version });
      const candidate = open?.definition.version;
      if (candidate !== undefined && candidate !== version) {
        throw new ConclaveError(
          'CVE_TOOL_INVALID_ARGS',
          `${model} ${version} is not being rolled out, ${candidate} is; name ${candidate} or no version`,
        );
      }
      return { ...given, model, version, rolloutId };
    },
    async run({ model = '', reason, rolloutId = null }, { actionId, signal }) {
      const present = await world.upToDate();
      if (rolloutId === null || openOf(present, model)?.rolloutId !== rolloutId) {
        const serving = present.rollouts[model]?.stable?.version ?? null;
        return { ok: true, result: { outcome: 'nothing_to_roll_back', rolloutId, serving } };
      }
      const body = { model, reason, requestedBy: actionId, rolloutId };
      const answer = await askCoordinator(bus, 'rollback', body, rollbackAnswer, { signal });
      return { ok: true, result: answer };
    },
  });
}

function openOf(world: World, model: string): Rollout | undefined {
  const state = world.rollouts[model];
  return state === undefined ? undefined : openRollout(state);
}

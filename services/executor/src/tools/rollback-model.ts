import { ConclaveError, modelName, openRollout, rollbackAnswer, versionName } from '@conclave/contracts';
import { z } from 'zod';
import { askCoordinator, type Requester } from './ask-coordinator.ts';
import { resolveModel, resolveTarget } from './target.ts';
import { defineTool, type Tool } from './tool.ts';

const args = z.strictObject({
  model: modelName.optional(),
  version: versionName.optional(),
  reason: z.string().min(1).max(2000),
});

/** Asks the coordinator to end the open rollout. A version that is named must be the one being rolled out. */
export function rollbackModel(bus: Requester): Tool {
  return defineTool({
    name: 'rollback_model',
    description: 'Ends the open rollout of a model at once: the stable version serves. Needs a reason.',
    args,
    idempotent: true,
    changes: true,
    complete(given, world) {
      const model = resolveModel(world, given.model);
      if (given.version === undefined) return { ...given, model };
      const { version } = resolveTarget(world, { model, version: given.version });
      const state = world.rollouts[model];
      const candidate = state === undefined ? undefined : openRollout(state)?.definition.version;
      if (candidate !== undefined && candidate !== version) {
        throw new ConclaveError(
          'CVE_TOOL_INVALID_ARGS',
          `${model} ${version} is not being rolled out, ${candidate} is; name ${candidate} or no version`,
        );
      }
      return { ...given, model, version };
    },
    async run({ model, reason }, { actionId, signal }) {
      const body = { model, reason, requestedBy: actionId };
      const answer = await askCoordinator(bus, 'rollback', body, rollbackAnswer, { signal });
      return { ok: true, result: answer };
    },
  });
}

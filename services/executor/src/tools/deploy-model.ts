import { deployAnswer, stageName } from '@conclave/contracts';
import { z } from 'zod';
import { askCoordinator, type Requester } from './ask-coordinator.ts';
import { resolveTarget, targetArgs } from './target.ts';
import { defineTool, type Tool } from './tool.ts';
import type { ToolKit } from './tool-kit.ts';

const args = z.strictObject({ ...targetArgs, stage: stageName.describe('The stage to enter.') });

/** Asks the coordinator for a stage. It alone decides whether the stage is earned, and enters it once. */
export function deployModel(bus: Requester): Tool {
  return defineTool({
    name: 'deploy_model',
    description: 'Asks for a stage of a rollout: entered, already there, or not eligible with what is missing.',
    args,
    idempotent: true,
    changes: true,
    complete: (given, world) => ({ ...given, ...resolveTarget(world, given) }),
    async run({ model, version, stage }, { actionId, signal }) {
      const body = { model, version, stage, requestedBy: actionId };
      const answer = await askCoordinator(bus, 'deploy', body, deployAnswer, { signal });
      if (answer.outcome !== 'not_eligible') return { ok: true, result: answer };
      const error = `${model} ${version} is not eligible for ${stage}: ${answer.missing.join('; ')}`;
      return { ok: false, result: answer, error };
    },
  });
}

/** The tool of the real system. */
export const connect = (kit: ToolKit): Tool => deployModel(kit.bus);

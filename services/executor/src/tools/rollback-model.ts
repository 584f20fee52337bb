import { ConclaveError, type RollbackAnswer, rollbackAnswer } from '@conclave/contracts';
import { openRollout, type Rollout, type World } from '@conclave/core';
import { z } from 'zod';
import type { WorldView } from '../world/world-view.ts';
import { askCoordinator, type Requester } from './ask-coordinator.ts';
import { resolveModel, resolveTarget, targetArgs } from './target.ts';
import { defineTool, type Tool, type ToolReturn } from './tool.ts';
import type { ToolKit } from './tool-kit.ts';

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
      if (candidate === undefined || candidate === version) return { ...given, model, version, rolloutId };
      if (version === present.rollouts[model]?.stable?.version) {
        // The version that is rolled back to, and no other rollout's.
        const { version: _to, ...rest } = given;
        return { ...rest, model, rolloutId };
      }
      throw new ConclaveError(
        'CVE_TOOL_INVALID_ARGS',
        `${model} ${version} is not being rolled out, ${candidate} is; name ${candidate} or no version`,
      );
    },
    async run({ model = '', version, reason, rolloutId = null }, { actionId, signal }) {
      const present = await world.upToDate();
      const asked: Asked = { model, version, rolloutId, actionId };
      if (rolloutId === null || openOf(present, model)?.rolloutId !== rolloutId) return onRecord(present, asked);
      const body = { model, reason, requestedBy: actionId, rolloutId };
      const answer = await askCoordinator(bus, 'rollback', body, rollbackAnswer, { signal });
      if (answer.outcome === 'rolled_back') return { ok: true, result: answer };
      // It ended in between, perhaps by this very request, whose first answer was lost.
      return onRecord(await world.upToDate(), asked);
    },
  });
}

interface Asked {
  readonly model: string;
  readonly version: string | undefined;
  readonly rolloutId: string | null;
  readonly actionId: string;
}

/** What became of the rollout that was to end, when it is not open any more. */
function onRecord(world: World, { model, version, rolloutId, actionId }: Asked): ToolReturn {
  const { current, past = [], stable } = world.rollouts[model] ?? {};
  const rollout = [current, ...past].find((known) => known?.rolloutId === rolloutId);
  const serving = stable?.version ?? null;
  const isOurs = rollout?.phase === 'rolled_back' && rollout.ended?.by === actionId;
  const outcome = isOurs ? 'rolled_back' : 'nothing_to_roll_back';
  const result: RollbackAnswer = { outcome, rolloutId, serving };
  const isNamed = rolloutId === null && version !== undefined && current?.definition.version === version;
  const meant = isNamed ? current : rollout;
  if (meant?.phase !== 'completed' || meant.definition.version !== serving) return { ok: true, result };
  const error = `${model} ${serving} has completed its rollout and serves everything; only an operator takes it back: conclave revert ${model}`;
  return { ok: false, result, error };
}

function openOf(world: World, model: string): Rollout | undefined {
  const state = world.rollouts[model];
  return state === undefined ? undefined : openRollout(state);
}

/** The tool of the real system. */
export const connect = (kit: ToolKit): Tool => rollbackModel(kit.bus, kit.world);

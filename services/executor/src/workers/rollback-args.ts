import { type PlannedAction, WHY_LENGTH } from '@conclave/contracts';
import { openRollout, type World } from '@conclave/core';
import { knownModels, knownVersions, resolveModel } from '../tools/target.ts';
import type { ToolArgs } from '../tools/tool.ts';
import { nameIn, versionIn } from './action-text.ts';

/**
 * The arguments of an ordered rollback, made whole from text and state, because nobody may be there to be asked. What the tool does not
 * know is left out, and so is a version that no model has: it was misspelt and cannot mean another rollout. A model or a known version
 * is never exchanged for another; the tool then refuses them with the choices.
 */
export function rollbackArgs(action: PlannedAction, world: World): ToolArgs {
  const { model, version, reason, rolloutId } = action.args ?? {};
  const named = written(version) ?? (action.tool === undefined ? versionIn(orderOf(action.action)) : undefined);
  const meant = modelMeant(written(model), action.action, named, world);
  const isKnown = named !== undefined && isVersionOf(meant, named, world);
  return {
    ...(meant === undefined ? {} : { model: meant }),
    ...(isKnown ? { version: named } : {}),
    ...(typeof rolloutId === 'string' ? { rolloutId } : {}),
    reason: (written(reason) ?? action.action).slice(0, WHY_LENGTH),
  };
}

function written(value: unknown): string | undefined {
  const text = typeof value === 'number' ? String(value) : value;
  return typeof text === 'string' && text.trim() !== '' ? text.trim() : undefined;
}

/** The order itself, without the reasons given for it, which may name other versions. */
function orderOf(text: string): string {
  return text.split(/[,;:!(]|\.\s|\b(?:because|since|due to|as)\b/i, 1)[0] ?? text;
}

function modelMeant(given: string | undefined, text: string, version: string | undefined, world: World) {
  const known = knownModels(world);
  if (given !== undefined) return known.find((name) => plain(name) === plain(given)) ?? given;
  const named = nameIn(text, known);
  if (named !== undefined || version === undefined) return named;
  const rolledOut = known.filter((name) => {
    const state = world.rollouts[name];
    const candidate = state === undefined ? undefined : openRollout(state)?.definition.version;
    return candidate !== undefined && candidate === version.replace(/^v(?=\d)/i, '');
  });
  return rolledOut.length === 1 ? rolledOut[0] : undefined;
}

/** `Emoji Search` and `emoji_search` are written for `emoji-search`. */
function plain(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]+/g, '-');
}

function isVersionOf(model: string | undefined, version: string, world: World): boolean {
  let meant: string;
  try {
    meant = resolveModel(world, model);
  } catch {
    // The tool refuses the model; the version is not to blame.
    return true;
  }
  const known = knownVersions(world, meant);
  return known.includes(version) || known.includes(version.replace(/^v(?=\d)/i, ''));
}

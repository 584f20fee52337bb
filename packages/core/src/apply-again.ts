import { canonicalJson, type PinnedRollout, type RolloutDefinition, shortDigest } from '@conclave/contracts';
import { duration } from './describe/words.ts';
import { registeredDataset, registeredModel } from './folds/lookups.ts';
import { isEnded, openRollout, type Rollout, type RolloutsState, type ServedVersion } from './folds/rollout.ts';
import type { World } from './folds/world.ts';
import { releaseCommand } from './waits-for.ts';

/*
 * Declarative tools apply the same file every few minutes. An unchanged definition therefore opens one rollout and no second one:
 * 1. while its rollout is open, nothing changes;
 * 2. when its version serves, there is nothing to do;
 * 3. when its rollout has ended otherwise (aborted, rolled back, reverted, superseded by a later version), it is opened again only at a
 *    wish of its own: somebody or a gate has ended it, and a timer must not overrule them.
 */
export type OnRecord =
  /** Nothing on record stands against opening it. */
  | { readonly kind: 'new' }
  | { readonly kind: 'open'; readonly rollout: Rollout }
  | { readonly kind: 'serves'; readonly sentence: string }
  | { readonly kind: 'ended'; readonly rollout: Rollout; readonly sentence: string };

/** What is on record about exactly this definition. */
export function onRecordOf(world: World, state: RolloutsState, definition: RolloutDefinition): OnRecord {
  const { model, version } = definition.spec;
  const open = openRollout(state);
  if (open !== undefined) return isPinnedFrom(open.definition, definition) ? { kind: 'open', rollout: open } : NEW;
  const digest = registeredModel(world, model, version)?.digest;
  if (digest !== undefined && state.stable?.digest === digest)
    return {
      kind: 'serves',
      sentence: `${model} ${version} already serves in production; nothing to do${otherDocuments(world, state.stable, definition)}`,
    };
  const known = state.current === undefined ? state.past : [state.current, ...state.past];
  const rollout = known.find((past) => isPinnedFrom(past.definition, definition));
  return rollout === undefined || !isEnded(rollout)
    ? NEW
    : { kind: 'ended', rollout, sentence: endedSentence(rollout, state) };
}

const NEW: OnRecord = { kind: 'new' };

/** Whether this definition is what was pinned. What it leaves to the registry and the configuration may have moved on since. */
function isPinnedFrom(pinned: PinnedRollout, { metadata, spec }: RolloutDefinition): boolean {
  const stages = spec.stages.map(({ name, soakSeconds }, index) => ({
    name,
    soakSeconds: soakSeconds ?? pinned.stages[index]?.soakSeconds,
  }));
  return (
    pinned.name === metadata.name &&
    pinned.model === spec.model &&
    pinned.version === spec.version &&
    (spec.digest ?? pinned.digest) === pinned.digest &&
    (spec.dataset === pinned.datasetName || spec.dataset === pinned.dataset) &&
    pinned.authority === spec.authority &&
    canonicalJson(pinned.stages) === canonicalJson(stages) &&
    canonicalJson(pinned.gates) === canonicalJson(spec.gates)
  );
}

/** The same version with other documents is no other version: that must not look as if it had been taken over. */
function otherDocuments(world: World, stable: ServedVersion, { spec }: RolloutDefinition): string {
  const dataset = registeredDataset(world, spec.dataset)?.digest;
  return dataset === undefined || dataset === stable.dataset
    ? ''
    : `. It searches the documents of ${shortDigest(stable.dataset)}, not of ${spec.dataset} as pushed since (${shortDigest(dataset)}): those come with a version of their own`;
}

function endedSentence({ rolloutId, phase, ended, definition }: Rollout, { stable }: RolloutsState): string {
  const how =
    phase === 'completed'
      ? `completed at ${ended?.at ?? 'some time'} and ${stable?.version ?? 'nothing'} serves since`
      : `was rolled back at ${ended?.at ?? 'some time'} by ${ended?.by ?? 'somebody'}: ${ended?.reason ?? ''}`;
  return `this very definition was opened before as ${rolloutId}, which ${how}; ${definition.model} ${definition.version} is opened again only at your wish: conclave apply --retry, or another metadata.name or definition`;
}

/** What holds the model, one sentence each with the way out: whatever is opened next does not advance while they stand. */
export function holdSentences({ model, holds }: RolloutsState, now: Date): string[] {
  return Object.values(holds).map(({ holdId, kind, by, reason, since }) => {
    const age = duration(Math.max(0, now.getTime() - Date.parse(since)) / 1000);
    const out = releaseCommand(model, { holdId, kind });
    return `held (${kind}) for ${age} by ${by}: ${reason}; nothing advances until: ${out}`;
  });
}

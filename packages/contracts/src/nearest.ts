import { ConclaveError } from './errors.ts';
import type { RolloutsState } from './folds/rollout.ts';
import type { World } from './folds/world.ts';
import { entryOf } from './names.ts';

/** The name that was probably meant: at most a third of its letters away, or undefined. */
export function nearestName(given: string, known: readonly string[]): string | undefined {
  const wanted = given.trim().toLowerCase();
  const [best] = known
    .map((name) => ({ name, distance: editDistance(wanted, name.toLowerCase()) }))
    .filter(({ name, distance }) => distance <= Math.max(1, Math.floor(Math.max(name.length, wanted.length) / 3)))
    .sort((a, b) => a.distance - b.distance);
  return best?.name;
}

/** `did you mean "a"? known: a, b`; undefined when nothing is known. */
export function knownNames(given: string, known: readonly string[]): string | undefined {
  if (known.length === 0) return undefined;
  const nearest = nearestName(given, known);
  return `${nearest === undefined ? '' : `did you mean "${nearest}"? `}known: ${[...known].sort().join(', ')}`;
}

/** Models about which something is on record: a hold alone, as left by a mistyped pause of an older version, makes none. */
export function knownModels(world: World): RolloutsState[] {
  return Object.values(world.rollouts)
    .filter(({ stable, current }) => stable !== undefined || current !== undefined)
    .sort((a, b) => (a.model < b.model ? -1 : 1));
}

/** What is on record about a model. @throws CVE_ROLLOUT_UNKNOWN naming the models that exist, and the one probably meant */
export function requireRollouts(world: World, model: string): RolloutsState {
  const known = knownModels(world);
  const state = entryOf(world.rollouts, model);
  if (state !== undefined && known.includes(state)) return state;
  const forgotten = entryOf(world.forgotten, model)?.forgotten;
  if (forgotten !== undefined)
    throw new ConclaveError(
      'CVE_ROLLOUT_UNKNOWN',
      `${model} was forgotten at ${forgotten.at} by ${forgotten.by}: ${forgotten.reason}; read conclave history ${model}, or use the name again: conclave adopt ${model} <version> --dataset <name>`,
    );
  throw rolloutUnknown(
    model,
    known.map((k) => k.model),
  );
}

export function rolloutUnknown(model: string, known: readonly string[]): ConclaveError {
  const others =
    knownNames(model, known) ?? 'no model was adopted yet: conclave adopt <model> <version> --dataset <name>';
  return new ConclaveError('CVE_ROLLOUT_UNKNOWN', `nothing is on record about "${model}"; ${others}`);
}

/** Insertions, deletions, changes and swaps of neighbours between two texts (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = a[i - 1] === b[j - 1] ? 0 : 1;
      const steps = [(last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + change];
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) steps.push((before[j - 2] ?? 0) + 1);
      row.push(Math.min(...steps));
    }
    before = last;
    last = row;
  }
  return last[b.length] ?? 0;
}

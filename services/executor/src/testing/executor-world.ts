import { digestFor, type History, history } from '@conclave/histories';

export const DIGEST = {
  stable: digestFor('emoji-search', '1.0'),
  candidate: digestFor('emoji-search', '1.1'),
  dataset: digestFor('emoji'),
} as const;

/** emoji-search with 1.0 stable and 1.1 applied. */
export function applied(): History {
  return history().registered().adopted().applied({ rolloutId: 'r1', soakSeconds: 1 });
}

export const appliedWorld = applied().world;

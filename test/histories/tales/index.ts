import type { History } from '@conclave/histories';
import { byHand } from './by-hand.ts';
import { earned } from './earned.ts';
import { refused } from './refused.ts';

/** What is told for the recordings; between them they have every event type there is. */
export const TALES: Readonly<Record<string, () => History>> = { earned, refused, 'by-hand': byHand };

import type { Measure } from '../figures.ts';
import { measureDbos } from './dbos-work.ts';

/** The least that DBOS writes of a queued workflow: the three states of the workflow itself, and no step. */
export const measure: Measure = (counts) => measureDbos(counts, 'DBOS, no steps', []);

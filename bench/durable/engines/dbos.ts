import type { Measure } from '../figures.ts';
import { measureDbos } from './dbos-work.ts';

/** A workflow with three durable steps per action. */
export const measure: Measure = (counts) =>
  measureDbos(counts, 'DBOS, three steps', ['dispatched', 'started', 'completed']);

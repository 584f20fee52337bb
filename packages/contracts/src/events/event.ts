import { z } from 'zod';
import { openObject } from '../open-object.ts';

/** The schema of one event type: its data under a literal type. */
export function eventOf<T extends string, D extends z.ZodType>(type: T, data: D) {
  return openObject({ id: z.string().min(1), type: z.literal(type), at: z.iso.datetime(), data });
}

import { z } from 'zod';

/**
 * An object in the journal: fields that this version does not know are kept, for they are a later version's and not this one's to drop.
 * Its type names the known ones alone.
 */
export function openObject<S extends z.ZodRawShape>(shape: S): z.ZodObject<S> {
  return z.looseObject(shape);
}

/** A name of a tool, a vendor, a metric or a source as it stands in the journal: a later version may know more of them. */
export const recordedName = z.string().min(1);

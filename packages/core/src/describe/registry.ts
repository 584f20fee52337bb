import { type EventOfKind, shortDigest } from '@conclave/contracts';
import { info, type Said } from './said.ts';
import { counted } from './words.ts';

export function sayRegistry(event: EventOfKind['models']): Said {
  const { digest, by } = event.data;
  if (event.type === 'model.registered')
    return info(`model ${event.data.model} ${event.data.version} (${shortDigest(digest)}) registered by ${by}`, '+');
  const { name, documents, queries } = event.data;
  return info(
    `dataset ${name} (${shortDigest(digest)}) registered by ${by}: ${counted(documents, 'document')}, ${counted(queries, 'query', 'queries')}`,
    '+',
  );
}

import { z } from 'zod';

/** CloudEvents 1.0 in NATS binary mode: attributes are `ce-` headers, the body is the data. */
export const cloudEvent = z.object({
  id: z.string().min(1),
  source: z.string().min(1),
  type: z.string().min(1),
  specversion: z.literal('1.0'),
  time: z.iso.datetime({ offset: true }).optional(),
  subject: z.string().optional(),
  datacontenttype: z.literal('application/json').optional(),
});
export type CloudEvent = z.infer<typeof cloudEvent>;

const ATTRIBUTES = ['id', 'source', 'type', 'specversion', 'time', 'subject', 'datacontenttype'] as const;

/** Headers for an outgoing message. */
export function toHeaders(event: CloudEvent): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name of ATTRIBUTES) {
    const value = event[name];
    if (value !== undefined) headers[`ce-${name}`] = value;
  }
  return headers;
}

/** The envelope in a message's headers; undefined when it has none (a plain body is accepted). @throws ZodError when broken. */
export function fromHeaders(get: (name: string) => string | undefined): CloudEvent | undefined {
  if (get('ce-specversion') === undefined && get('ce-id') === undefined) return undefined;
  return cloudEvent.parse(
    Object.fromEntries(ATTRIBUTES.map((name) => [name, get(`ce-${name}`)]).filter(([, v]) => v !== undefined)),
  );
}

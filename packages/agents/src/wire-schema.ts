import { z } from 'zod';
import type { JsonSchema } from './chat-model.ts';

/*
 * A zod schema as the vendors' structured outputs take it, and the way back.
 *
 * Strict structured output knows objects whose properties are all listed and all required, and little else. So an optional property is
 * required and may be null; an object with free keys (the `args` of a tool) is a string that holds JSON; bounds stand in descriptions.
 * Back: null for an optional property is absent, and such a string is parsed. Models without strict output write null too, so an
 * answer is always read this way.
 */

const node = z.looseObject({
  type: z.union([z.string(), z.array(z.string())]).optional(),
  properties: z.record(z.string(), z.unknown()).optional(),
  required: z.array(z.string()).optional(),
  items: z.unknown().optional(),
  anyOf: z.array(z.unknown()).optional(),
  enum: z.array(z.unknown()).optional(),
  const: z.unknown().optional(),
  description: z.string().optional(),
  maxLength: z.number().optional(),
  maxItems: z.number().optional(),
});
type Node = z.infer<typeof node>;

const FREE_OBJECT = 'a JSON object, written as a string: "{}" when it is empty';

/** The plain JSON Schema of a zod schema, as an answer is read by. */
export function jsonSchemaOf(schema: z.ZodType): JsonSchema {
  const { $schema: _dialect, ...shape } = z.toJSONSchema(schema, { io: 'input' });
  return shape;
}

/** The JSON Schema that is sent. */
export function wireSchemaOf(schema: JsonSchema): JsonSchema {
  const { type, properties, required = [], items, anyOf, ...rest } = node.parse(schema);
  const description = described(rest);
  const named = description === undefined ? {} : { description };
  if (anyOf !== undefined) return { anyOf: anyOf.map((option) => wireSchemaOf(node.parse(option))), ...named };
  if (Array.isArray(type)) {
    return { anyOf: type.map((one) => wireSchemaOf({ ...schema, type: one, description: undefined })), ...named };
  }
  if (isFreeObject({ type, properties })) return { type: 'string', description: description ?? FREE_OBJECT };
  if (properties !== undefined) {
    const all = Object.entries(properties).map(([name, value]) => {
      const shape = wireSchemaOf(node.parse(value));
      return [name, required.includes(name) ? shape : nullable(shape)] as const;
    });
    const names = all.map(([name]) => name);
    return {
      type: 'object',
      properties: Object.fromEntries(all),
      required: names,
      additionalProperties: false,
      ...named,
    };
  }
  if (type === 'array') return { type, items: wireSchemaOf(node.parse(items ?? {})), ...named };
  const values = rest.enum ?? ('const' in rest ? [rest.const] : undefined);
  return { ...(type === undefined ? {} : { type }), ...(values === undefined ? {} : { enum: values }), ...named };
}

/** A value of the wire schema, or one that was written without it, as the zod schema reads it. */
export function fromWire(value: unknown, schema: JsonSchema): unknown {
  const shape = node.parse(schema);
  if (isFreeObject(shape)) return typeof value === 'string' ? parsedOr(value) : value;
  if (Array.isArray(value))
    return shape.items === undefined ? value : value.map((item) => fromWire(item, node.parse(shape.items)));
  if (typeof value !== 'object' || value === null) return value;
  const { properties, required = [] } = shape.anyOf === undefined ? shape : optionFor(value, shape.anyOf);
  if (properties === undefined) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name, entry]) => entry !== null || required.includes(name) || !Object.hasOwn(properties, name))
      .map(([name, entry]) => [
        name,
        Object.hasOwn(properties, name) ? fromWire(entry, node.parse(properties[name])) : entry,
      ]),
  );
}

function isFreeObject({ type, properties }: Pick<Node, 'type' | 'properties'>): boolean {
  return type === 'object' && properties === undefined;
}

/** Of alternatives, the object that has all these keys. */
function optionFor(value: object, options: readonly unknown[]): Node {
  const shapes = options.map((option) => node.parse(option));
  return (
    shapes.find(
      ({ properties }) => properties !== undefined && Object.keys(value).every((key) => Object.hasOwn(properties, key)),
    ) ?? {}
  );
}

function nullable(shape: JsonSchema): JsonSchema {
  const { description, ...bare } = shape;
  return { anyOf: [bare, { type: 'null' }], ...(description === undefined ? {} : { description }) };
}

function described({
  description,
  maxLength,
  maxItems,
}: Pick<Node, 'description' | 'maxLength' | 'maxItems'>): string | undefined {
  const bounds = [
    ...(maxLength === undefined ? [] : [`at most ${maxLength} characters`]),
    ...(maxItems === undefined ? [] : [`at most ${maxItems} items`]),
  ];
  const all = [...(description === undefined ? [] : [description]), ...bounds];
  return all.length === 0 ? undefined : all.join('; ');
}

/** What does not parse is left for the schema to refuse. */
function parsedOr(text: string): unknown {
  if (text.trim() === '') return {};
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

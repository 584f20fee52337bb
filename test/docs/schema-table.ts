import { z } from 'zod';

/** The part of a JSON Schema that the reference shows. */
interface Schema {
  readonly type?: string | readonly string[] | undefined;
  readonly description?: string | undefined;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly unknown[] | undefined;
  readonly properties?: Readonly<Record<string, Schema>> | undefined;
  readonly required?: readonly string[] | undefined;
  readonly items?: Schema | undefined;
  readonly anyOf?: readonly Schema[] | undefined;
  readonly oneOf?: readonly Schema[] | undefined;
  readonly additionalProperties?: unknown;
  readonly [bound: string]: unknown;
}

const schema: z.ZodType<Schema> = z.lazy(() =>
  z.looseObject({
    type: z.union([z.string(), z.array(z.string())]).optional(),
    description: z.string().optional(),
    enum: z.array(z.unknown()).optional(),
    properties: z.record(z.string(), schema).optional(),
    required: z.array(z.string()).optional(),
    items: schema.optional(),
    anyOf: z.array(schema).optional(),
    oneOf: z.array(schema).optional(),
  }),
);

/** What a user writes, as JSON Schema. */
export function inputSchema(of: z.ZodType): Schema {
  return schema.parse(z.toJSONSchema(of, { io: 'input', unrepresentable: 'any' }));
}

/**
 * Rows of a table of properties, nested ones after their parent as `pace.soakSeconds`.
 * @throws when a property has no description: the reference would say nothing about it
 */
export function propertyRows(of: Schema, path = ''): string[][] {
  return Object.entries(of.properties ?? {}).flatMap(([key, property]) => {
    const name = `${path}${key}`;
    if (property.description === undefined)
      throw new Error(`${name} has no description; give its schema one: .describe(...)`);
    const isRequired = of.required?.includes(key) === true;
    const row = [`\`${name}\``, typeOf(property), defaultOf(property, isRequired), boundsOf(property), unitOf(key)];
    const nested = property.properties === undefined ? [] : propertyRows(property, `${name}.`);
    return [[...row, property.description], ...nested];
  });
}

export const PROPERTY_HEAD = ['name', 'type', 'default', 'bounds', 'unit', 'meaning'];

function typeOf(property: Schema): string {
  if (property.const !== undefined) return code(property.const);
  if (property.enum !== undefined) return property.enum.map(code).join(', ');
  const variants = property.anyOf ?? property.oneOf;
  if (variants !== undefined) return [...new Set(variants.map(typeOf))].join(' or ');
  if (property.type === 'array') return `list of ${property.items === undefined ? 'values' : typeOf(property.items)}`;
  if (property.type === 'integer') return 'whole number';
  return [property.type ?? 'any'].flat().join(' or ');
}

function defaultOf({ default: value, properties, additionalProperties }: Schema, isRequired: boolean): string {
  if (isRequired) return '**required**';
  if (value === undefined || properties !== undefined || additionalProperties !== undefined) return '';
  const names = z
    .array(z.object({ name: z.string() }))
    .nonempty()
    .safeParse(value);
  return names.success ? names.data.map(({ name }) => code(name)).join(', ') : code(value);
}

function boundsOf(property: Schema): string {
  const { minimum, exclusiveMinimum, maximum, exclusiveMaximum, minLength, maxLength, minItems, maxItems } = property;
  const most = maximum === Number.MAX_SAFE_INTEGER ? undefined : maximum;
  const least = minimum === Number.MIN_SAFE_INTEGER ? undefined : minimum;
  const parts: [string, unknown, string][] = [
    ['>=', least, ''],
    ['>', exclusiveMinimum, ''],
    ['<=', most, ''],
    ['<', exclusiveMaximum, ''],
    ['>=', minLength, ' characters'],
    ['<=', maxLength, ' characters'],
    ['>=', minItems, ' entries'],
    ['<=', maxItems, ' entries'],
  ];
  return parts.flatMap(([sign, value, what]) => (value === undefined ? [] : [`${sign} ${value}${what}`])).join(', ');
}

const UNITS: readonly (readonly [RegExp, string])[] = [
  [/Seconds$/, 's'],
  [/Ms$/, 'ms'],
  [/Mb$/, 'MB'],
  [/Bytes$/, 'bytes'],
  [/Tokens$/, 'tokens'],
  [/[mM]inutes$/, 'min'],
  [/PerHour$/, 'per hour'],
];

function unitOf(name: string): string {
  return UNITS.find(([pattern]) => pattern.test(name))?.[1] ?? '';
}

function code(value: unknown): string {
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
}

/** A Markdown table. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '-')), ...rows.map(line)].join('\n');
}

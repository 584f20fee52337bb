import { z } from 'zod';
import type { Received } from './vendor-server.ts';

/*
 * What the vendors refuse of a request to today's families, as their pages and SDKs say. One function per vendor: the refusal, or undefined.
 */

export interface Refusal {
  readonly status: number;
  readonly message: string;
  /** The parameter that the refusal is about. */
  readonly param?: string;
}

const anthropicBody = z.looseObject({
  model: z.string(),
  max_tokens: z.number().int().min(1).max(128_000),
  messages: z.array(z.looseObject({ role: z.enum(['user', 'assistant']), content: z.unknown() })).min(1),
  temperature: z.unknown().optional(),
  top_p: z.unknown().optional(),
  tool_choice: z.looseObject({ type: z.string() }).optional(),
  thinking: z.looseObject({ type: z.string() }).optional(),
  output_config: z
    .looseObject({ format: z.looseObject({ type: z.literal('json_schema'), schema: z.unknown() }).optional() })
    .optional(),
});

export function anthropicRefusal({ body }: Received): Refusal | undefined {
  const parsed = anthropicBody.safeParse(body);
  if (!parsed.success) return { status: 400, message: `invalid request: ${parsed.error.issues[0]?.path.join('.')}` };
  const { model, tool_choice, temperature, top_p, thinking, output_config } = parsed.data;
  const isFive = /^claude-(?:opus|sonnet)-5/.test(model);
  if (isFive && (temperature !== undefined || top_p !== undefined)) {
    return { status: 400, message: `temperature: this parameter is not supported by ${model}` };
  }
  if (isFive && (tool_choice?.type === 'tool' || tool_choice?.type === 'any')) {
    return { status: 400, message: `tool_choice: ${model} thinks and does not take a forced tool_choice` };
  }
  if (isFive && thinking?.type === 'disabled') {
    return { status: 400, message: `thinking: ${model} does not take type disabled` };
  }
  const problem = output_config?.format === undefined ? undefined : strictProblem(output_config.format.schema);
  return problem === undefined ? undefined : { status: 400, message: `output_config.format.schema: ${problem}` };
}

const openaiBody = z.looseObject({
  model: z.string(),
  messages: z.array(z.looseObject({ role: z.string(), content: z.string() })).min(1),
  temperature: z.unknown().optional(),
  max_tokens: z.number().optional(),
  max_completion_tokens: z.number().optional(),
  response_format: z
    .looseObject({
      type: z.string(),
      json_schema: z.looseObject({ name: z.string(), strict: z.boolean().optional(), schema: z.unknown() }).optional(),
    })
    .optional(),
});

export function openaiRefusal({ body }: Received): Refusal | undefined {
  const parsed = openaiBody.safeParse(body);
  if (!parsed.success) return { status: 400, message: `Invalid value: '${parsed.error.issues[0]?.path.join('.')}'.` };
  const { max_tokens, temperature, response_format } = parsed.data;
  if (max_tokens !== undefined) {
    const message =
      "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.";
    return { status: 400, message, param: 'max_tokens' };
  }
  if (temperature !== undefined && temperature !== 1) {
    return {
      status: 400,
      message: "Unsupported value: 'temperature' does not support this value with this model.",
      param: 'temperature',
    };
  }
  const format = response_format?.json_schema;
  const problem = format?.strict === true ? strictProblem(format.schema) : undefined;
  if (problem === undefined) return undefined;
  return {
    status: 400,
    message: `Invalid schema for response_format '${format?.name}': ${problem}`,
    param: 'response_format',
  };
}

const googleBody = z.looseObject({
  contents: z.array(z.looseObject({ role: z.enum(['user', 'model']), parts: z.array(z.unknown()).min(1) })).min(1),
  generationConfig: z
    .looseObject({
      maxOutputTokens: z.number().int().optional(),
      responseMimeType: z.string().optional(),
      responseJsonSchema: z.unknown().optional(),
      temperature: z.unknown().optional(),
    })
    .default({}),
});

export function googleRefusal({ body }: Received): Refusal | undefined {
  const parsed = googleBody.safeParse(body);
  if (!parsed.success)
    return { status: 400, message: `Invalid JSON payload: ${parsed.error.issues[0]?.path.join('.')}` };
  const { responseJsonSchema, responseMimeType, temperature } = parsed.data.generationConfig;
  if (temperature !== undefined) return { status: 400, message: 'temperature is not supported for this model' };
  if (responseJsonSchema === undefined) return undefined;
  if (responseMimeType !== 'application/json') {
    return { status: 400, message: 'response_json_schema needs response_mime_type application/json' };
  }
  const problem = strictProblem(responseJsonSchema);
  return problem === undefined ? undefined : { status: 400, message: `response_json_schema: ${problem}` };
}

const TAKEN = new Set([
  'type',
  'properties',
  'required',
  'additionalProperties',
  'items',
  'anyOf',
  'enum',
  'description',
]);
const schemaNode = z.looseObject({
  type: z.string().optional(),
  properties: z.record(z.string(), z.unknown()).optional(),
  required: z.array(z.string()).default([]),
  additionalProperties: z.unknown().optional(),
  items: z.unknown().optional(),
  anyOf: z.array(z.unknown()).default([]),
});

/** What strict structured output has against a schema: the strictest of the vendors' rules, taken together. */
export function strictProblem(schema: unknown, at = '()'): string | undefined {
  const parsed = schemaNode.safeParse(schema);
  if (!parsed.success) return `In context=${at}, this is no schema`;
  const { type, properties = {}, required, additionalProperties, items, anyOf } = parsed.data;
  const foreign = Object.keys(Object(schema)).find((keyword) => !TAKEN.has(keyword));
  if (foreign !== undefined) return `In context=${at}, '${foreign}' is not permitted`;
  if (type === undefined && anyOf.length === 0) return `In context=${at}, schema must have a 'type' key`;
  if (type === 'object') {
    if (additionalProperties !== false) return `In context=${at}, 'additionalProperties' is required to be false`;
    const missing = Object.keys(properties).find((name) => !required.includes(name));
    if (missing !== undefined) return `In context=${at}, 'required' must include every key; missing '${missing}'`;
  }
  const inner = [
    ...Object.entries(properties).map(([name, shape]) => ({ shape, at: `${at}.${name}` })),
    ...anyOf.map((shape) => ({ shape, at: `${at}|` })),
    ...(items === undefined ? [] : [{ shape: items, at: `${at}[]` }]),
  ];
  return inner.map((part) => strictProblem(part.shape, part.at)).find((problem) => problem !== undefined);
}

import { z } from 'zod';

/**
 * Open Inference Protocol v2, the part a retrieval model needs. `POST /v2/models/{model}/infer` and
 * `conclave.infer.<model>` take the same body.
 * Request: input `query` BYTES [n] (text) or FP32 [n, features] (vectors, row-major flat or nested).
 * Response: output `ids` BYTES [n, k] and `scores` FP32 [n, k], best first, row-major flat.
 */
export const inferRequest = z.object({
  id: z.string().max(200).optional(),
  inputs: z
    .array(
      z.object({
        name: z.literal('query'),
        datatype: z.enum(['BYTES', 'FP32']),
        shape: z.array(z.number().int().nonnegative()).min(1).max(2),
        data: z.union([z.array(z.string()), z.array(z.number()), z.array(z.array(z.number()))]),
      }),
    )
    .length(1),
  parameters: z
    .object({
      /** How many documents a query; default 10. */
      k: z.number().int().min(1).max(1000).optional(),
      /** Requests with one key stay on one version, as far as the share of the stage allows. */
      client_key: z.string().min(1).max(500).optional(),
    })
    .optional(),
});
export type InferRequest = z.infer<typeof inferRequest>;

/** What a served version takes as `query`, in the words of its metadata: text, or vectors of `shape[1]` numbers. */
export const inferInput = z.discriminatedUnion('datatype', [
  z.object({ datatype: z.literal('BYTES'), shape: z.tuple([z.literal(-1)]) }),
  z.object({ datatype: z.literal('FP32'), shape: z.tuple([z.literal(-1), z.number().int().positive()]) }),
]);
export type InferInput = z.infer<typeof inferInput>;

export const inferResponse = z.object({
  id: z.string().optional(),
  model_name: z.string(),
  model_version: z.string(),
  outputs: z.tuple([
    z.object({
      name: z.literal('ids'),
      datatype: z.literal('BYTES'),
      shape: z.tuple([z.number(), z.number()]),
      data: z.array(z.string()),
    }),
    z.object({
      name: z.literal('scores'),
      datatype: z.literal('FP32'),
      shape: z.tuple([z.number(), z.number()]),
      data: z.array(z.number()),
    }),
  ]),
});
export type InferResponse = z.infer<typeof inferResponse>;

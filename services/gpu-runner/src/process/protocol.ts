import { z } from 'zod';

/*
 * What a runner and its child processes say to each other. Children are this service's own code; the messages are parsed all
 * the same, because a child may die in the middle of one.
 */

const query = z.union([z.string(), z.array(z.number()).readonly()]);
const retrieved = z.object({ id: z.string(), score: z.number() });
const queryForm = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('text') }),
  z.object({ kind: z.literal('vector'), features: z.number() }),
]);
const estimate = z.object({ value: z.number(), low: z.number(), high: z.number() });
const provider = z.enum(['cpu', 'cuda']);

/** To a model's process. */
export const toModel = z.discriminatedUnion('type', [
  z.object({ type: z.literal('load'), bundleDir: z.string(), datasetDir: z.string(), provider }),
  z.object({ type: z.literal('search'), id: z.number(), queries: z.array(query).readonly(), k: z.number() }),
]);
export type ToModel = z.infer<typeof toModel>;

/** From a model's process. */
export const fromModel = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('ready'),
    form: queryForm,
    documents: z.number(),
    /** Time from the order to load until the warm-up queries were answered, in milliseconds. */
    warmupMs: z.number(),
    /** The first queries of the dataset, for probing. */
    probes: z.array(query).readonly(),
  }),
  z.object({ type: z.literal('load_failed'), code: z.string(), message: z.string() }),
  z.object({ type: z.literal('answer'), id: z.number(), answers: z.array(z.array(retrieved)) }),
  z.object({ type: z.literal('failure'), id: z.number(), code: z.string(), message: z.string() }),
]);
export type FromModel = z.infer<typeof fromModel>;

/** To an evaluation process: exactly one, at its start. */
export const toEvaluation = z.object({
  type: z.literal('evaluate'),
  bundleDir: z.string(),
  baselineDir: z.string().optional(),
  datasetDir: z.string(),
  provider,
  /** Nice value the process gives itself. */
  priority: z.number(),
  /** Seed of the resampling. */
  seed: z.string(),
});
export type ToEvaluation = z.infer<typeof toEvaluation>;

/** What an evaluation process measured. */
export const measurement = z.object({
  queries: z.number(),
  emptyQueries: z.number(),
  documents: z.number(),
  metrics: z.object({ 'ndcg@10': estimate, 'ndcg@10_exponential': estimate }),
  comparison: z.object({ difference: estimate, lossPValue: z.number(), queries: z.number() }).optional(),
});
export type Measurement = z.infer<typeof measurement>;

/** From an evaluation process. */
export const fromEvaluation = z.discriminatedUnion('type', [
  /** A batch of documents, before the first query of a bundle. */
  z.object({ type: z.literal('encoded') }),
  z.object({ type: z.literal('progress'), done: z.number(), total: z.number() }),
  z.object({ type: z.literal('measured'), measurement }),
  z.object({ type: z.literal('failed'), code: z.string(), message: z.string() }),
]);
export type FromEvaluation = z.infer<typeof fromEvaluation>;

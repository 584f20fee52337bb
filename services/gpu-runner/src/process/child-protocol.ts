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
  /** For messages: `emoji-search 1.1`. */
  name: z.string(),
  bundleDir: z.string(),
  datasetDir: z.string(),
  /** `ownDatasetDir`: what the baseline is measured on if it cannot search the documents of `datasetDir`. */
  baseline: z.object({ name: z.string(), bundleDir: z.string(), ownDatasetDir: z.string().optional() }).optional(),
  provider,
  /** Nice value the process gives itself. */
  priority: z.number(),
  /** Seed of the resampling. */
  seed: z.string(),
});
export type ToEvaluation = z.infer<typeof toEvaluation>;

/** What an evaluation process measured of the version itself. */
export const measurement = z.object({
  queries: z.number(),
  emptyQueries: z.number(),
  documents: z.number(),
  metrics: z.object({ 'ndcg@10': estimate, 'ndcg@10_exponential': estimate }),
});
export type Measurement = z.infer<typeof measurement>;

const difference = z.object({ difference: estimate, lossPValue: z.number(), queries: z.number() });
export type Difference = z.infer<typeof difference>;

/** What an evaluation process found against the baseline. `shared`, if it was measured on its own documents: over queries that these answer. */
export const comparison = difference.extend({ shared: difference.optional() });
export type Comparison = z.infer<typeof comparison>;

/** From an evaluation process. */
export const fromEvaluation = z.discriminatedUnion('type', [
  /** A batch of documents, before the first query of a bundle. */
  z.object({ type: z.literal('encoded') }),
  z.object({ type: z.literal('progress'), done: z.number(), total: z.number() }),
  /** The version itself is measured: whatever becomes of the baseline, this stands. */
  z.object({ type: z.literal('measured'), measurement }),
  z.object({ type: z.literal('compared'), comparison }),
  /** The version itself could not be measured, or after `measured` the baseline. */
  z.object({ type: z.literal('failed'), code: z.string(), message: z.string() }),
]);
export type FromEvaluation = z.infer<typeof fromEvaluation>;

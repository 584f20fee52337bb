import type { ApiService } from '@conclave/bus';
import { subjects } from '@conclave/contracts';
import { inferenceResponse, parseInference } from '../http/inference.ts';
import type { ServedModels } from './served-models.ts';

/**
 * `conclave.infer.<model>` for each model whose stable version can answer here. Runners share the subject as one queue group, so
 * a runner that cannot answer must not take part: it would take requests from those that can.
 */
export class InferEndpoints {
  readonly #api: ApiService;
  readonly #models: ServedModels;
  readonly #served = new Map<string, { stop(): Promise<void> }>();

  constructor(api: ApiService, models: ServedModels) {
    this.#api = api;
    this.#models = models;
  }

  /** Adds and removes endpoints so that they match what can be answered. */
  reconcile(): void {
    const models = new Set(this.#models.models);
    for (const model of models.union(this.#served)) {
      const canAnswer = models.has(model) && this.#models.router(model).target('stable')?.state === 'ready';
      const endpoint = this.#served.get(model);
      if (canAnswer && endpoint === undefined) this.#served.set(model, this.#serve(model));
      if (!canAnswer && endpoint !== undefined) {
        this.#served.delete(model);
        void endpoint.stop();
      }
    }
  }

  #serve(model: string): { stop(): Promise<void> } {
    return this.#api.endpoint(`infer-${model}`, subjects.infer(model), async ({ body, header }) => {
      const inference = parseInference(body, header('x-client-key'));
      return inferenceResponse(model, inference.id, await this.#models.router(model).search(inference));
    });
  }
}

import { ConclaveError, type ErrorCode } from '@conclave/contracts';
import type { Query } from '../retrieval/query-encoder.ts';
import type { Target } from '../routing/router.ts';
import type { Retrieved } from '../statistics/ndcg.ts';

/** A version that answers with its own name, or as it is told. */
export class FakeVersion implements Target {
  state: Target['state'] = 'ready';
  form = { kind: 'text' as const };
  probes: readonly Query[] = [];
  asked = 0;
  answer: () => Promise<Retrieved[][]>;

  constructor(version: string) {
    this.answer = async () => [[{ id: version, score: 1 }]];
  }

  search(): Promise<Retrieved[][]> {
    this.asked++;
    return this.answer();
  }

  failing(code: ErrorCode): this {
    this.answer = () => Promise.reject(new ConclaveError(code, 'told to'));
    return this;
  }
}

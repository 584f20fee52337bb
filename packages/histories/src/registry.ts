import { aggregates } from '@conclave/contracts';
import { datasetKey } from '@conclave/core';
import { type DataOf, draft } from './draft.ts';
import { Ledger } from './ledger.ts';

/** Bundles and datasets that were pushed; what was learnt. */
export abstract class RegistryHistory extends Ledger {
  /** Versions pushed, by default both of the cast; each its own commit. */
  registered(versions: readonly string[] = [this.cast.stable, this.cast.candidate]): this {
    const { model } = this.cast;
    for (const version of versions) {
      const data = { model, version, digest: this.digestOf(version), description: '', bytes: 2_400_000, by: 'ada' };
      this.commit(aggregates.model(model), draft('model.registered', data));
    }
    return this;
  }

  datasetRegistered(change: Partial<DataOf<'dataset.registered'>> = {}): this {
    const { dataset: name } = this.cast;
    const data = {
      name,
      digest: this.datasetDigest,
      description: '',
      documents: 1311,
      queries: 600,
      bytes: 900_000,
      by: 'ada',
      ...change,
    };
    return this.commit(aggregates.model(datasetKey(name)), draft('dataset.registered', data));
  }

  insight(text: string, change: Partial<DataOf<'roadmap.insight_recorded'>> = {}): this {
    const data = { insightId: `insight-${this.seq + 1}`, text, line: 'v2_research', source: 'ada', ...change };
    return this.commit(aggregates.roadmap, draft('roadmap.insight_recorded', data));
  }
}

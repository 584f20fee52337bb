import { sha256 } from '@conclave/contracts';

/** Of which model a history tells, by names that its verbs take for granted. */
export interface Cast {
  readonly model: string;
  /** Version that serves when the history begins. */
  readonly stable: string;
  /** Version that is rolled out. */
  readonly candidate: string;
  readonly dataset: string;
  /** Digests of versions and datasets that must be others than `digestFor` makes, by their names. */
  readonly digests: Readonly<Record<string, string>>;
}

export const DEFAULT_CAST: Cast = {
  model: 'emoji-search',
  stable: '1.0',
  candidate: '1.1',
  dataset: 'emoji',
  digests: {},
};

/** The digest of a version of a model, or of a dataset (without `version`), in every history. */
export function digestFor(name: string, version = ''): string {
  return sha256(version === '' ? `dataset ${name}` : `${name} ${version}`);
}

export { readBundle, readDocumentIds, validateBundle } from './bundle.ts';
export { type Dataset, readDataset, validateDataset } from './dataset.ts';
export { fetchQueries } from './fetch-queries.ts';

import { corpusLine, type DatasetManifest, datasetManifest, queryLine, zodMessage } from '@conclave/contracts';
import type { z } from 'zod';
import { CheckedFolder } from './files.ts';

const SEE = 'see docs/bundles.md for every field';

export interface CheckedDataset {
  readonly manifest: DatasetManifest;
  readonly documents: number;
  readonly queries: number;
  readonly grades: number;
}

/**
 * Checks a retrieval dataset in BEIR form: `dataset.json`, `corpus.jsonl`, `queries.jsonl`, `qrels/<split>.tsv`.
 * @throws CVE_DATASET_INVALID naming file and line, the value and the way out.
 */
export function validateDataset(dir: string): CheckedDataset {
  const folder = new CheckedFolder(dir, 'CVE_DATASET_INVALID');
  const raw = folder.json('dataset.json', `a dataset has a dataset.json; ${SEE}`);
  const parsed = datasetManifest.safeParse(raw);
  if (!parsed.success) return folder.refuse('dataset.json', `${zodMessage(parsed.error, raw)}; ${SEE}`);
  const manifest = parsed.data;
  const documents = readLines(folder, 'corpus.jsonl', corpusLine, ({ picture }, at) => {
    if (picture !== undefined && folder.size(picture) === undefined)
      folder.refuse(at, `names the picture "${picture}", which does not exist; add it or correct the name`);
  });
  const queries = readLines(folder, 'queries.jsonl', queryLine);
  const grades = checkGrades(folder, `qrels/${manifest.split}.tsv`, documents, queries);
  return { manifest, documents: documents.size, queries: queries.size, grades };
}

/** Ids with the line each stands in. */
type Ids = ReadonlyMap<string, number>;

function readLines<T extends { _id: string }>(
  folder: CheckedFolder,
  file: string,
  schema: z.ZodType<T>,
  check: (value: T, at: string) => void = () => undefined,
): Ids {
  const ids = new Map<string, number>();
  for (const [index, text] of folder.text(file, 'a dataset must have it').split('\n').entries()) {
    if (text.trim() === '') continue;
    const at = `${file}:${index + 1}`;
    const json = folder.parse(text, at);
    const parsed = schema.safeParse(json);
    if (!parsed.success) return folder.refuse(at, `${zodMessage(parsed.error, json)}; ${SEE}`);
    const { _id } = parsed.data;
    const earlier = ids.get(_id);
    if (earlier !== undefined)
      folder.refuse(at, `the id "${_id}" already stands in line ${earlier}; ids must be unique`);
    check(parsed.data, at);
    ids.set(_id, index + 1);
  }
  if (ids.size === 0) folder.refuse(file, 'holds nothing; write one JSON object a line');
  return ids;
}

function checkGrades(folder: CheckedFolder, file: string, documents: Ids, queries: Ids): number {
  const seen = new Map<string, number>();
  let relevant = 0;
  for (const [index, line] of folder.text(file, 'the split of dataset.json names it').split('\n').entries()) {
    const text = line.replace(/\r$/, '');
    if (text.trim() === '' || (index === 0 && text.startsWith('query-id\t'))) continue;
    const at = `${file}:${index + 1}`;
    const [query, document, score, ...rest] = text.split('\t');
    if (
      query === undefined ||
      document === undefined ||
      score === undefined ||
      rest.length > 0 ||
      !/^-?\d+$/.test(score)
    )
      return folder.refuse(
        at,
        `is "${text.slice(0, 80)}"; write query-id, corpus-id and an integer score with tabs between them`,
      );
    if (!queries.has(query))
      folder.refuse(at, `query "${query}" is not in queries.jsonl; add the query or remove the line`);
    if (!documents.has(document))
      folder.refuse(at, `document "${document}" is not in corpus.jsonl; add the document or remove the line`);
    const pair = `${query}\t${document}`;
    const earlier = seen.get(pair);
    if (earlier !== undefined)
      folder.refuse(
        at,
        `document "${document}" is graded for query "${query}" already in line ${earlier}; keep one of the lines`,
      );
    seen.set(pair, index + 1);
    if (Number(score) > 0) relevant++;
  }
  if (relevant === 0)
    folder.refuse(file, 'marks no document as relevant (score above 0); without one nothing can be measured');
  return seen.size;
}

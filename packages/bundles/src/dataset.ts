import {
  type CorpusLine,
  corpusLine,
  type DatasetManifest,
  datasetManifest,
  type QueryLine,
  queryLine,
  zodMessage,
} from '@conclave/contracts';
import type { z } from 'zod';
import { CheckedFolder } from './checked-folder.ts';

const SEE = 'see docs/bundles.md for every field';

/** The exponential gain is 2^grade - 1: above this grade a double does not hold it exactly. */
const HIGHEST_GRADE = 53;

/** A retrieval dataset in BEIR form, checked as a whole. */
export interface Dataset {
  readonly dir: string;
  readonly manifest: DatasetManifest;
  readonly documents: readonly CorpusLine[];
  readonly queries: readonly QueryLine[];
  /** Grades by query id and document id, of the manifest's split. */
  readonly qrels: ReadonlyMap<string, ReadonlyMap<string, number>>;
}

/**
 * Reads `dataset.json`, `corpus.jsonl`, `queries.jsonl` and `qrels/<split>.tsv`.
 * @throws CVE_DATASET_INVALID with file and line, the value and the way out: broken JSON, duplicate ids, missing pictures, grades that
 * are no integers or name a document or query that does not exist, nothing in a file
 */
export function readDataset(dir: string): Dataset {
  const folder = new CheckedFolder(dir, 'CVE_DATASET_INVALID');
  const raw = folder.json('dataset.json', `a dataset has a dataset.json; ${SEE}`);
  const parsed = datasetManifest.safeParse(raw);
  if (!parsed.success) return folder.refuse('dataset.json', `${zodMessage(parsed.error, raw)}; ${SEE}`);
  const manifest = parsed.data;
  const documents = readLines(folder, 'corpus.jsonl', 'document', corpusLine);
  for (const { value, at } of documents.values()) requirePicture(folder, value, at);
  const queries = readLines(folder, 'queries.jsonl', 'query', queryLine);
  const qrels = readQrels(folder, qrelsFile(manifest), documents, queries);
  const values = <T>(lines: Lines<T>) => [...lines.values()].map(({ value }) => value);
  return { dir, manifest, documents: values(documents), queries: values(queries), qrels };
}

/** The queries of a dataset, and nothing else of it. @throws CVE_DATASET_INVALID with file and line, the value and the way out */
export function readQueries(dir: string): QueryLine[] {
  const folder = new CheckedFolder(dir, 'CVE_DATASET_INVALID');
  return [...readLines(folder, 'queries.jsonl', 'query', queryLine).values()].map(({ value }) => value);
}

/**
 * Checks a dataset that is to be measured with: all that `readDataset` checks, that some document is relevant, and that no grade is
 * too high for its gain.
 * @throws CVE_DATASET_INVALID with file and line, the value and the way out
 */
export function validateDataset(dir: string): Dataset {
  const dataset = readDataset(dir);
  const folder = new CheckedFolder(dir, 'CVE_DATASET_INVALID');
  const file = qrelsFile(dataset.manifest);
  let isRelevant = false;
  for (const [query, grades] of dataset.qrels) {
    for (const [document, grade] of grades) {
      if (grade > HIGHEST_GRADE)
        folder.refuse(
          file,
          `grades document "${document}" for query "${query}" with ${grade}; grades are at most ${HIGHEST_GRADE}, use a smaller scale`,
        );
      isRelevant ||= grade > 0;
    }
  }
  if (!isRelevant)
    folder.refuse(file, 'marks no document as relevant (score above 0); without one nothing can be measured');
  return dataset;
}

function qrelsFile({ split }: DatasetManifest): string {
  return `qrels/${split}.tsv`;
}

/** Lines by id; `at` is file and line number. */
type Lines<T> = ReadonlyMap<string, { readonly value: T; readonly line: number; readonly at: string }>;

function readLines<T extends { _id: string }>(
  folder: CheckedFolder,
  file: string,
  what: 'document' | 'query',
  schema: z.ZodType<T>,
): Lines<T> {
  const lines = new Map<string, { value: T; line: number; at: string }>();
  for (const [index, text] of folder.text(file, `a dataset must have it; ${SEE}`).split('\n').entries()) {
    if (text.trim() === '') continue;
    const line = index + 1;
    const at = `${file}:${line}`;
    const json = folder.parse(text, at);
    const parsed = schema.safeParse(json);
    if (!parsed.success) return folder.refuse(at, `${zodMessage(parsed.error, json)}; ${SEE}`);
    const { _id } = parsed.data;
    const earlier = lines.get(_id);
    if (earlier !== undefined)
      folder.refuse(at, `the ${what} id "${_id}" already stands in line ${earlier.line}; ids must be unique`);
    lines.set(_id, { value: parsed.data, line, at });
  }
  if (lines.size === 0) folder.refuse(file, `holds no ${what}; write one JSON object a line`);
  return lines;
}

function requirePicture(folder: CheckedFolder, { _id, picture }: CorpusLine, at: string): void {
  if (picture !== undefined && folder.size(picture) === undefined)
    folder.refuse(
      at,
      `document "${_id}" names the picture "${picture}", which does not exist; add it or correct the name`,
    );
}

function readQrels(
  folder: CheckedFolder,
  file: string,
  documents: Lines<CorpusLine>,
  queries: Lines<QueryLine>,
): Dataset['qrels'] {
  const qrels = new Map<string, Map<string, number>>();
  const lines = new Map<string, number>();
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
    const earlier = lines.get(pair);
    if (earlier !== undefined)
      folder.refuse(
        at,
        `document "${document}" is graded for query "${query}" already in line ${earlier}; keep one of the lines`,
      );
    lines.set(pair, index + 1);
    const grades = qrels.get(query) ?? new Map<string, number>();
    qrels.set(query, grades.set(document, Number(score)));
  }
  if (qrels.size === 0)
    folder.refuse(file, 'holds no grade; write query-id, corpus-id and an integer score with tabs between them');
  return qrels;
}

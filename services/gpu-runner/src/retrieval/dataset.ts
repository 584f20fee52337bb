import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  ConclaveError,
  type CorpusLine,
  corpusLine,
  type DatasetManifest,
  datasetManifest,
  messageOf,
  type QueryLine,
  queryLine,
  zodMessage,
} from '@conclave/contracts';

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
 * @throws CVE_DATASET_INVALID with file and line: broken JSON, duplicate ids, missing pictures, grades that are no integers
 * or name a document or query that does not exist, nothing in a file
 */
export function readDataset(dir: string): Dataset {
  const manifest = readManifest(dir);
  const documents = readLines(dir, 'corpus.jsonl', 'document', corpusLine.safeParse);
  for (const [id, { value, line }] of documents) {
    if (value.picture !== undefined && !existsSync(join(dir, value.picture))) {
      invalid(
        `corpus.jsonl:${line}`,
        `document ${id} names the picture ${value.picture}, which does not exist; add it`,
      );
    }
  }
  const queries = readLines(dir, 'queries.jsonl', 'query', queryLine.safeParse);
  const qrels = readQrels(dir, `qrels/${manifest.split}.tsv`, documents, queries);
  const values = <T>(lines: Lines<T>) => [...lines.values()].map(({ value }) => value);
  return { dir, manifest, documents: values(documents), queries: values(queries), qrels };
}

type Lines<T> = ReadonlyMap<string, { readonly value: T; readonly line: number }>;
type Parsed<T> = { success: true; data: T } | { success: false; error: Parameters<typeof zodMessage>[0] };

function readManifest(dir: string): DatasetManifest {
  const parsed = datasetManifest.safeParse(parseJson(readText(dir, 'dataset.json'), 'dataset.json'));
  if (!parsed.success) return invalid('dataset.json', `${zodMessage(parsed.error)}; see docs/bundles.md`);
  return parsed.data;
}

function readLines<T extends { _id: string }>(
  dir: string,
  file: string,
  what: 'document' | 'query',
  parse: (json: unknown) => Parsed<T>,
): Lines<T> {
  const lines = new Map<string, { value: T; line: number }>();
  for (const [index, text] of readText(dir, file).split('\n').entries()) {
    if (text.trim() === '') continue;
    const at = `${file}:${index + 1}`;
    const json = parseJson(text, at);
    const parsed = parse(json);
    if (!parsed.success) return invalid(at, `${zodMessage(parsed.error, json)}; see docs/bundles.md`);
    const id = parsed.data._id;
    const earlier = lines.get(id);
    if (earlier !== undefined) {
      invalid(at, `the ${what} id ${id} already stands in line ${earlier.line}; ids must be unique`);
    }
    lines.set(id, { value: parsed.data, line: index + 1 });
  }
  if (lines.size === 0) invalid(file, `holds no ${what}; one JSON object a line is expected`);
  return lines;
}

function readQrels(dir: string, file: string, documents: Lines<unknown>, queries: Lines<unknown>): Dataset['qrels'] {
  const qrels = new Map<string, Map<string, number>>();
  for (const [index, text] of readText(dir, file).split('\n').entries()) {
    const fields = text.replace(/\r$/, '').split('\t');
    if (text.trim() === '' || (index === 0 && fields[0] === 'query-id')) continue;
    const at = `${file}:${index + 1}`;
    const [query, document, grade] = fields;
    if (query === undefined || document === undefined || grade === undefined || !/^-?\d+$/.test(grade.trim())) {
      return invalid(at, 'expected query-id, corpus-id and an integer score, separated by tabs');
    }
    if (!queries.has(query)) invalid(at, `query ${query} is not in queries.jsonl; add it there or drop this line`);
    if (!documents.has(document)) invalid(at, `document ${document} is not in corpus.jsonl; add it or drop this line`);
    const grades = qrels.get(query) ?? new Map<string, number>();
    if (grades.has(document)) invalid(at, `query ${query} grades document ${document} twice; keep one line`);
    qrels.set(query, grades.set(document, Number(grade)));
  }
  if (qrels.size === 0) invalid(file, 'holds no grade; expected query-id, corpus-id and score, separated by tabs');
  return qrels;
}

function readText(dir: string, file: string): string {
  try {
    return readFileSync(join(dir, file), 'utf8');
  } catch (cause) {
    return invalid(file, `cannot be read in ${dir} (${messageOf(cause)}); a dataset must have it, see docs/bundles.md`);
  }
}

function parseJson(text: string, at: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    return invalid(at, `is no JSON (${messageOf(cause)}); correct the line`);
  }
}

function invalid(at: string, problem: string): never {
  throw new ConclaveError('CVE_DATASET_INVALID', `${at}: ${problem}`);
}

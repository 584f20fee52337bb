import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type BundleManifest, bundleManifest, ConclaveError, messageOf, zodMessage } from '@conclave/contracts';

/** A bundle directory whose manifest is sound and whose files exist. What the ONNX files hold is not yet known. */
export interface BundleFiles {
  readonly dir: string;
  readonly manifest: BundleManifest;
}

/**
 * Reads `bundle.json` and checks that every file it names is there, and that embeddings have the size their ids imply.
 * @throws CVE_BUNDLE_INVALID naming the file, what was expected and what was found
 */
export function readBundle(dir: string): BundleFiles {
  const parsed = bundleManifest.safeParse(readManifest(dir));
  if (!parsed.success) return invalid('bundle.json', `${zodMessage(parsed.error)}; see docs/bundles.md`);
  const manifest = parsed.data;
  const { query, documents } = manifest;
  requireFile(dir, query.onnx, 'query.onnx');
  if (documents.kind === 'pictures') requireFile(dir, documents.onnx, 'documents.onnx');
  else requireEmbeddings(dir, manifest.embedding.dimensions, documents.vectors, documents.ids);
  return { dir, manifest };
}

/** The document ids of an embeddings bundle, in row order. @throws CVE_BUNDLE_INVALID for duplicates or an unreadable file */
export function readDocumentIds(dir: string, file: string): string[] {
  const ids = readFileSync(join(dir, file), 'utf8')
    .split('\n')
    .map((line) => line.replace(/\r$/, ''));
  if (ids.at(-1) === '') ids.pop();
  const seen = new Map<string, number>();
  for (const [index, id] of ids.entries()) {
    const earlier = seen.get(id);
    if (id === '') invalid(`${file}:${index + 1}`, 'is empty; expected one document id a line');
    if (earlier !== undefined) {
      invalid(`${file}:${index + 1}`, `the id ${id} already stands in line ${earlier}; ids must be unique`);
    }
    seen.set(id, index + 1);
  }
  if (ids.length === 0) invalid(file, 'holds no document id');
  return ids;
}

function requireEmbeddings(dir: string, dimensions: number, vectors: string, idsFile: string): void {
  const bytes = requireFile(dir, vectors, 'documents.vectors');
  requireFile(dir, idsFile, 'documents.ids');
  const rows = readDocumentIds(dir, idsFile).length;
  const expected = rows * dimensions * 4;
  if (bytes !== expected) {
    const sum = `${rows} ids of ${idsFile} x ${dimensions} dimensions x 4 bytes = ${expected} bytes`;
    invalid(vectors, `has ${bytes} bytes, expected ${sum}; write row-major little-endian float32`);
  }
}

/** @returns its size in bytes */
function requireFile(dir: string, file: string, field: string): number {
  const stat = statSync(join(dir, file), { throwIfNoEntry: false });
  if (stat?.isFile() !== true) return invalid(file, `named by ${field} of bundle.json, is no file in ${dir}; add it`);
  return stat.size;
}

function readManifest(dir: string): unknown {
  try {
    return JSON.parse(readFileSync(join(dir, 'bundle.json'), 'utf8'));
  } catch (cause) {
    return invalid('bundle.json', `cannot be read as JSON in ${dir} (${messageOf(cause)}); see docs/bundles.md`);
  }
}

function invalid(at: string, problem: string): never {
  throw new ConclaveError('CVE_BUNDLE_INVALID', `${at}: ${problem}`);
}

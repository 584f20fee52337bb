import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BundleManifest, bundleManifest, messageOf, zodMessage } from '@conclave/contracts';
import { CheckedFolder } from './checked-folder.ts';
import { type OnnxOutline, outlineOnnx } from './onnx-outline.ts';

const SEE = 'see docs/bundles.md for every field';

/**
 * Reads `bundle.json` and checks that every file it names exists, and that embeddings have the size which their ids imply. What the
 * ONNX files hold is left to the runtime that opens them.
 * @throws CVE_BUNDLE_INVALID naming file and line, expected, found and the way out
 */
export function readBundle(dir: string): BundleManifest {
  const folder = new CheckedFolder(dir, 'CVE_BUNDLE_INVALID');
  const raw = folder.json('bundle.json', `a model bundle has a bundle.json; ${SEE}`);
  const parsed = bundleManifest.safeParse(raw);
  if (!parsed.success) return folder.refuse('bundle.json', `${zodMessage(parsed.error, raw)}; ${SEE}`);
  const { query, documents, embedding } = parsed.data;
  requireFile(folder, query.onnx, 'query.onnx');
  if (documents.kind === 'pictures') requireFile(folder, documents.onnx, 'documents.onnx');
  else requireEmbeddings(folder, documents, embedding.dimensions);
  return parsed.data;
}

/**
 * Checks a bundle as far as that goes without running it: all that `readBundle` checks, that each ONNX file is whole, and that it has
 * the inputs and outputs it is said to have.
 * @throws CVE_BUNDLE_INVALID, CVE_BUNDLE_ONNX_INVALID naming file, expected, found and the way out
 */
export function validateBundle(dir: string): BundleManifest {
  const manifest = readBundle(dir);
  const folder = new CheckedFolder(dir, 'CVE_BUNDLE_ONNX_INVALID');
  requireTensors(folder, 'query', manifest.query);
  if (manifest.documents.kind === 'pictures') requireTensors(folder, 'documents', manifest.documents);
  return manifest;
}

/** The document ids of an embeddings bundle, in row order. @throws CVE_BUNDLE_INVALID for none, an empty or a repeated one */
export function readDocumentIds(dir: string, file: string): string[] {
  return documentIds(new CheckedFolder(dir, 'CVE_BUNDLE_INVALID'), file);
}

function documentIds(folder: CheckedFolder, file: string): string[] {
  const ids = folder
    .text(file, 'check its permissions')
    .split('\n')
    .map((line) => line.replace(/\r$/, ''));
  if (ids.at(-1) === '') ids.pop();
  const lines = new Map<string, number>();
  for (const [index, id] of ids.entries()) {
    const at = `${file}:${index + 1}`;
    const earlier = lines.get(id);
    if (id === '') folder.refuse(at, 'is empty; write one document id a line');
    if (earlier !== undefined)
      folder.refuse(at, `the id "${id}" already stands in line ${earlier}; ids must be unique`);
    lines.set(id, index + 1);
  }
  if (ids.length === 0) folder.refuse(file, 'holds no document id; write one a line');
  return ids;
}

function requireEmbeddings(
  folder: CheckedFolder,
  { vectors, ids }: { vectors: string; ids: string },
  dimensions: number,
): void {
  const bytes = requireFile(folder, vectors, 'documents.vectors');
  requireFile(folder, ids, 'documents.ids');
  const rows = documentIds(folder, ids).length;
  const expected = rows * dimensions * 4;
  if (bytes !== expected)
    folder.refuse(
      vectors,
      `has ${bytes} bytes, but ${rows} ids of ${ids} x ${dimensions} dimensions x 4 bytes are ${expected}; write row-major little-endian float32`,
    );
}

/** @returns its size in bytes */
function requireFile(folder: CheckedFolder, file: string, field: string): number {
  return (
    folder.size(file) ??
    folder.refuse(file, `does not exist, but ${field} of bundle.json names it; add the file or correct the name`)
  );
}

function requireTensors(
  folder: CheckedFolder,
  part: 'query' | 'documents',
  named: { onnx: string; input: string; output: string },
): void {
  let outline: OnnxOutline;
  try {
    outline = outlineOnnx(readFileSync(join(folder.dir, named.onnx)));
  } catch (error) {
    folder.refuse(named.onnx, messageOf(error));
  }
  for (const [direction, name, present] of [
    ['input', named.input, outline.inputs],
    ['output', named.output, outline.outputs],
  ] as const) {
    if (present.includes(name)) continue;
    folder.refuse(
      named.onnx,
      `has no ${direction} "${name}" (it has: ${present.join(', ') || 'none'}); correct ${part}.${direction} in bundle.json`,
    );
  }
}

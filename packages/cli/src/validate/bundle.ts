import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BundleManifest, bundleManifest, messageOf, zodMessage } from '@conclave/contracts';
import { CheckedFolder } from './files.ts';
import { outlineOnnx } from './onnx.ts';

const SEE = 'see docs/bundles.md for every field';

/**
 * Checks a model bundle without running it: the manifest, that every file it names exists, that each ONNX file is whole and has the
 * inputs and outputs it is said to have, and that embeddings have the size which their ids imply.
 * @throws CVE_BUNDLE_INVALID, CVE_BUNDLE_ONNX_INVALID naming file, expected, found and the way out.
 */
export function validateBundle(dir: string): BundleManifest {
  const folder = new CheckedFolder(dir, 'CVE_BUNDLE_INVALID');
  const raw = folder.json('bundle.json', `a model bundle has a bundle.json; ${SEE}`);
  const parsed = bundleManifest.safeParse(raw);
  if (!parsed.success) return folder.refuse('bundle.json', `${zodMessage(parsed.error, raw)}; ${SEE}`);
  const { query, documents, embedding } = parsed.data;
  requireOnnx(folder, 'query', query);
  if (documents.kind === 'pictures') requireOnnx(folder, 'documents', documents);
  else requireEmbeddings(folder, documents, embedding.dimensions);
  return parsed.data;
}

function requireOnnx(
  folder: CheckedFolder,
  part: 'query' | 'documents',
  named: { onnx: string; input: string; output: string },
): void {
  requireFile(folder, named.onnx, `${part}.onnx`);
  let outline: ReturnType<typeof outlineOnnx>;
  try {
    outline = outlineOnnx(readFileSync(join(folder.dir, named.onnx)));
  } catch (error) {
    folder.refuse(named.onnx, messageOf(error), 'CVE_BUNDLE_ONNX_INVALID');
  }
  for (const [direction, name, present] of [
    ['input', named.input, outline.inputs],
    ['output', named.output, outline.outputs],
  ] as const) {
    if (present.includes(name)) continue;
    folder.refuse(
      named.onnx,
      `has no ${direction} "${name}" (it has: ${present.join(', ') || 'none'}); correct ${part}.${direction} in bundle.json`,
      'CVE_BUNDLE_ONNX_INVALID',
    );
  }
}

function requireEmbeddings(
  folder: CheckedFolder,
  { vectors, ids }: { vectors: string; ids: string },
  dimensions: number,
): void {
  const bytes = requireFile(folder, vectors, 'documents.vectors');
  requireFile(folder, ids, 'documents.ids');
  const lines = folder
    .text(ids, 'check its permissions')
    .split('\n')
    .map((line) => line.trimEnd());
  if (lines.at(-1) === '') lines.pop();
  const empty = lines.indexOf('');
  if (empty >= 0) folder.refuse(`${ids}:${empty + 1}`, 'is empty; write one document id a line');
  const twice = lines.findIndex((id, index) => lines.indexOf(id) !== index);
  if (twice >= 0)
    folder.refuse(
      `${ids}:${twice + 1}`,
      `the id "${lines[twice]}" already stands in line ${lines.indexOf(lines[twice] ?? '') + 1}; ids must be unique`,
    );
  const expected = lines.length * dimensions * 4;
  if (bytes !== expected)
    folder.refuse(
      vectors,
      `has ${bytes} bytes, but ${lines.length} ids x ${dimensions} dimensions x 4 bytes are ${expected}; write row-major little-endian float32`,
    );
}

function requireFile(folder: CheckedFolder, file: string, field: string): number {
  return (
    folder.size(file) ??
    folder.refuse(file, `does not exist, but ${field} of bundle.json names it; add the file or correct the name`)
  );
}

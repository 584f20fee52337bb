import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { documents } from './written-documents.ts';

const CHECKOUT = resolve(import.meta.dirname, '../..');

for (const [path, text] of documents()) {
  const file = join(CHECKOUT, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
  console.log(path);
}

import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { messageOf } from '@conclave/contracts';

/** A project document as advisors get it. */
export interface ProjectDocument {
  readonly name: string;
  readonly text: string;
  /** True when only its beginning is shown. */
  readonly cut: boolean;
}

/** Most characters of one document, and of all together. */
const LIMITS = { one: 20_000, all: 40_000 } as const;

/** Reads the configured documents; one that cannot be read says so in its place. */
export async function readDocuments(paths: readonly string[]): Promise<ProjectDocument[]> {
  const documents: ProjectDocument[] = [];
  let left: number = LIMITS.all;
  for (const path of paths) {
    const text = await readText(path);
    const limit = Math.min(LIMITS.one, left);
    documents.push({ name: basename(path), text: text.slice(0, limit), cut: text.length > limit });
    left -= Math.min(text.length, limit);
  }
  return documents;
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    return `(this document cannot be read: ${messageOf(error)})`;
  }
}

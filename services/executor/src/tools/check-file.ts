import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { z } from 'zod';
import { allowedPath } from '../scripts/roots.ts';
import { defineTool, type Tool } from './tool.ts';
import type { ToolKit } from './tool-kit.ts';

const args = z.strictObject({
  path: z.string().min(1).max(1000).describe('Path inside one of executor.scriptRoots, relative to it or absolute.'),
});

/** Looks at one file inside the allowed folders. A missing file is a failure. */
export function checkFile(roots: readonly string[]): Tool {
  return defineTool({
    name: 'check_file',
    description: 'Tells whether a file in the allowed folders exists, with size, SHA-256 and time of change.',
    args,
    idempotent: true,
    changes: false,
    async run({ path }, { signal }) {
      const found = await allowedPath(path, roots);
      const info = found.exists ? await stat(found.path) : undefined;
      if (info === undefined) return { ok: false, result: { path, exists: false }, error: `${path} does not exist` };
      if (!info.isFile()) return { ok: false, result: { path, exists: true }, error: `${path} is no regular file` };
      const hash = createHash('sha256');
      for await (const chunk of createReadStream(found.path, { signal })) hash.update(chunk);
      const sha256 = `sha256:${hash.digest('hex')}`;
      return { ok: true, result: { path, exists: true, bytes: info.size, sha256, modified: info.mtime.toISOString() } };
    },
  });
}

/** The tool of the real system. */
export const connect = (kit: ToolKit): Tool => checkFile(kit.scriptRoots);

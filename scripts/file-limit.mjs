import { relative } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import { root } from './setup/layout.mjs';

/*
 * Loaded into the process of each test file, with the limit as `?ms=`: ends a process that does not end by itself. The test runner has a
 * limit for single tests only, so one handle left open after the last of them would keep a whole run waiting.
 */
const limitMs = Number(new URL(import.meta.url).searchParams.get('ms'));

if (isMainThread) {
  const timer = setTimeout(() => {
    const open = process.getActiveResourcesInfo().join(', ');
    console.error(`${relative(root, process.argv[1])} did not end within ${limitMs / 1000} s; still open: ${open}`);
    process.exit(1);
  }, limitMs);
  timer.unref();
}

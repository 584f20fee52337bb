import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

/** A new directory that is removed after the test. */
export async function temporaryDir(context: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'conclave-stack-'));
  context.after(() => rm(directory, { recursive: true, force: true, maxRetries: 3 }));
  return directory;
}

/** The nats-server the test run was given. */
export function natsBinary(): string {
  const binary = process.env.NATS_SERVER_BIN;
  if (!binary) throw new Error("NATS_SERVER_BIN is not set; run the tests with 'node scripts/tests.mjs'");
  return binary;
}

import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { validateBundle, validateDataset } from '@conclave/bundles';
import { type Bus, openArtifacts, type Progress } from '@conclave/bus';
import { type Digest, versionName } from '@conclave/contracts';
import { callApi } from './api.ts';

export interface PushOptions {
  /** The operator's token; without it the coordinator refuses to register. */
  readonly token?: string | undefined;
  readonly onProgress?: Progress | undefined;
}

export interface Pushed {
  readonly digest: Digest;
  readonly bytes: number;
  readonly files: number;
  /** True when the object store had it before. */
  readonly alreadyThere: boolean;
}

export interface PushedModel extends Pushed {
  readonly model: string;
  readonly version: string;
}

export interface PushedDataset extends Pushed {
  readonly name: string;
  readonly documents: number;
  readonly queries: number;
}

/**
 * Checks a bundle, stores it under its digest and registers it.
 * @param options.version registers a copy under another version; the folder stays as it is.
 * @throws CVE_BUNDLE_INVALID, CVE_BUNDLE_ONNX_INVALID, CVE_MODEL_DIGEST_CONFLICT, CVE_UNAUTHORIZED, CVE_REQUEST_UNANSWERED
 */
export async function pushModel(
  bus: Bus,
  dir: string,
  options: PushOptions & { readonly version?: string | undefined } = {},
): Promise<PushedModel> {
  const given = resolve(dir);
  validateBundle(given);
  if (options.version === undefined) return await pushBundle(bus, given, options);
  const copy = await mkdtemp(join(tmpdir(), 'conclave-push-'));
  try {
    await cp(given, copy, { recursive: true, dereference: true });
    await rewriteVersion(join(copy, 'bundle.json'), versionName.parse(options.version));
    return await pushBundle(bus, copy, options);
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

async function pushBundle(bus: Bus, dir: string, options: PushOptions): Promise<PushedModel> {
  const { model, version, description } = validateBundle(dir);
  const pushed = await openArtifacts(bus).pushDirectory(dir, 'model', options.onProgress);
  const { digest, bytes } = pushed;
  await callApi(bus, 'register_model', { model, version, digest, description, bytes }, options.token);
  return { ...pushed, model, version };
}

async function rewriteVersion(file: string, version: string): Promise<void> {
  const manifest: unknown = JSON.parse(await readFile(file, 'utf8'));
  await writeFile(file, `${JSON.stringify({ ...Object(manifest), version }, null, 2)}\n`);
}

/** Checks a dataset, stores it under its digest and registers it. @throws CVE_DATASET_INVALID, CVE_UNAUTHORIZED, CVE_REQUEST_UNANSWERED */
export async function pushDataset(bus: Bus, dir: string, options: PushOptions = {}): Promise<PushedDataset> {
  const folder = resolve(dir);
  const dataset = validateDataset(folder);
  const { name, description } = dataset.manifest;
  const documents = dataset.documents.length;
  const queries = dataset.queries.length;
  const pushed = await openArtifacts(bus).pushDirectory(folder, 'dataset', options.onProgress);
  const { digest, bytes } = pushed;
  await callApi(bus, 'register_dataset', { name, digest, description, documents, queries, bytes }, options.token);
  return { ...pushed, name, documents, queries };
}

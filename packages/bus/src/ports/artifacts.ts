import type { Digest } from '@conclave/contracts';

export type ArtifactKind = 'model' | 'dataset' | 'scripts';

/** Bytes done so far, and in all. */
export type Progress = (done: { bytes: number; total: number }) => void;

export interface FileEntry {
  readonly sha256: Digest;
  readonly bytes: number;
}

/** Content-addressed and immutable: what was pushed under a digest never changes. */
export interface Artifacts {
  /** Stores a directory under the digest of its content. */
  pushDirectory(
    dir: string,
    kind: ArtifactKind,
    onProgress?: Progress,
  ): Promise<{ digest: Digest; bytes: number; files: number; alreadyThere: boolean }>;
  /**
   * Returns the path of a verified copy inside `cacheDir`, downloading it if need be.
   * @throws CVE_ARTIFACT_UNKNOWN; CVE_ARTIFACT_DIGEST_MISMATCH naming file, expected and found.
   */
  fetchDirectory(digest: Digest, cacheDir: string, onProgress?: Progress): Promise<string>;
  has(digest: Digest): Promise<boolean>;
  putBytes(bytes: Uint8Array): Promise<Digest>;
  /** @throws CVE_ARTIFACT_UNKNOWN; CVE_ARTIFACT_DIGEST_MISMATCH */
  getBytes(digest: Digest): Promise<Uint8Array>;
}

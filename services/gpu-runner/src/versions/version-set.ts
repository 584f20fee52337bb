import { once } from 'node:events';
import { ServedVersion, type ServedVersionOptions, type WantedVersion } from './served-version.ts';

/** Milliseconds that requests in flight have when the runner stops. */
const STOP_GRACE_MS = 3000;

/** The versions that a runner serves: one process for each pair of bundle and dataset, whoever asks for it. */
export class VersionSet {
  readonly #options: ServedVersionOptions;
  readonly #served = new Map<string, ServedVersion>();
  readonly #retiring = new Set<ServedVersion>();

  constructor(options: ServedVersionOptions) {
    this.#options = options;
  }

  /** Starts what is wanted and not there, retires what is there and no longer wanted. */
  reconcile(wanted: readonly WantedVersion[]): void {
    const keys = new Set(wanted.map(keyOf));
    for (const [key, version] of this.#served) {
      if (keys.has(key)) continue;
      this.#served.delete(key);
      this.#retiring.add(version);
      void version.retire().finally(() => this.#retiring.delete(version));
    }
    for (const one of wanted) {
      if (!this.#served.has(keyOf(one))) this.#served.set(keyOf(one), new ServedVersion(one, this.#options));
    }
  }

  get(version: { readonly digest: string; readonly dataset: string }): ServedVersion | undefined {
    return this.#served.get(keyOf(version));
  }

  /** Ends everything: what was accepted has a little time to be answered. */
  async stop(): Promise<void> {
    const versions = [...this.#served.values(), ...this.#retiring];
    this.#served.clear();
    const graceful = Promise.all(versions.map((version) => version.retire()));
    const deadline = AbortSignal.timeout(STOP_GRACE_MS);
    await Promise.race([graceful, once(deadline, 'abort')]);
    await Promise.all(versions.map((version) => version.stop()));
  }
}

function keyOf({ digest, dataset }: { readonly digest: string; readonly dataset: string }): string {
  return `${digest} ${dataset}`;
}

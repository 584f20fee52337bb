import { type Artifacts, evictUnused, removeLeftovers } from '@conclave/bus';
import { type Digest, digest as digestSchema, messageOf } from '@conclave/contracts';

/** This runner's verified copies of artifacts, for all who use them. */
export class RunnerArtifacts {
  readonly #artifacts: Pick<Artifacts, 'fetchDirectory'>;
  readonly #dir: string;
  readonly #onFailure: (reason: string) => void;
  readonly #users: (() => readonly Digest[])[] = [];

  private constructor(artifacts: Pick<Artifacts, 'fetchDirectory'>, dir: string, onFailure: (reason: string) => void) {
    this.#artifacts = artifacts;
    this.#dir = dir;
    this.#onFailure = onFailure;
  }

  /** @param onFailure told when something could not be removed */
  static async open(
    artifacts: Pick<Artifacts, 'fetchDirectory'>,
    dir: string,
    onFailure: (reason: string) => void,
  ): Promise<RunnerArtifacts> {
    await removeLeftovers(dir).catch((error: unknown) => onFailure(messageOf(error)));
    return new RunnerArtifacts(artifacts, dir, onFailure);
  }

  /** The copy of an artifact directory. It stays while somebody uses it. @throws CVE_ARTIFACT_*, CVE_BUS_UNAVAILABLE */
  readonly fetchDirectory = (digest: string): Promise<string> =>
    this.#artifacts.fetchDirectory(digestSchema.parse(digest), this.#dir);

  /** @param inUse what somebody uses at the moment, from before it is fetched */
  addUser(inUse: () => readonly Digest[]): void {
    this.#users.push(inUse);
  }

  /** Makes room. To be called when somebody may have stopped using something. */
  evict(): void {
    const inUse = this.#users.flatMap((user) => user());
    evictUnused(this.#dir, inUse).catch((error: unknown) => this.#onFailure(messageOf(error)));
  }
}

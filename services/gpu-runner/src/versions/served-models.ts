import { ConclaveError, type DesiredConfirmation, type RunnerStatus, type TelemetryWindow } from '@conclave/contracts';
import { oneLine, type RolloutsState, type ServedVersion as StableVersion } from '@conclave/core';
import { inputOf } from '../retrieval/query-encoder.ts';
import { Router } from '../routing/router.ts';
import { type Desired, desiredOf } from '../routing/traffic.ts';
import type { ServedVersion, ServedVersionOptions, WantedVersion } from './served-version.ts';
import { VersionSet } from './version-set.ts';

type ModelStatus = RunnerStatus['models'][number];

export interface ServedModelsOptions extends Omit<ServedVersionOptions, 'onChange'> {
  readonly runner: string;
  readonly desiredConfirmationTimeoutMs: number;
  /** Latency in milliseconds to keep where no rollout's gate says one. */
  readonly sloLatencyMs: number;
  /** How long, in seconds, the version before stays loaded after it was replaced. */
  readonly keepPreviousSeconds: number;
  /** Uniform in [0, 1): draws the version of requests that carry no key. Default `Math.random`. */
  readonly random?: () => number;
  onWindows(windows: readonly TelemetryWindow[]): void;
  /** Told when the clock was set back by more than a second while a model was measured. */
  onClockSetBack?(model: string, bySeconds: number): void;
  /** Called when a model appears or goes, or a version's state changes. */
  onChange?(): void;
}

/** The version that served before, kept loaded until a time in milliseconds since the epoch. */
interface Kept {
  readonly version: StableVersion;
  readonly until: number;
}

/**
 * Everything a runner serves: a router for each model, and the versions behind them.
 * 1. A stable version that is replaced by one that still has to be loaded goes on serving until that one is ready: taking production back
 *    must not cost a request.
 * 2. The version before stays loaded for a while after it was replaced, unless a candidate needs the room: then a revert is instant.
 * 3. A stable version that cannot be loaded keeps no other model from being served, and is tried again now and then.
 */
export class ServedModels {
  readonly #options: ServedModelsOptions;
  readonly #routers = new Map<string, Router>();
  readonly #versions: VersionSet;
  /** What models are to be served as soon as their new stable version is ready. */
  readonly #awaited = new Map<string, Desired>();
  readonly #kept = new Map<string, Kept>();
  #halted: string | undefined;
  /** Models whose rollouts this version cannot read, and why. */
  readonly #unread = new Map<string, string>();
  #caughtUp = false;
  #settled = false;
  #stopped = false;

  constructor(options: ServedModelsOptions) {
    this.#options = options;
    this.#versions = new VersionSet({ ...options, onChange: () => this.#changed() });
  }

  get models(): readonly string[] {
    return [...this.#routers.keys()];
  }

  /** Why the journal is no longer followed, if so. */
  get halted(): string | undefined {
    return this.#halted;
  }

  /** @throws CVE_INFER_NOT_READY before the journal was read to its end; CVE_MODEL_UNKNOWN */
  router(model: string): Router {
    const router = this.#routers.get(model);
    if (router !== undefined) return router;
    if (!this.#caughtUp) {
      const text = `this runner is starting and has not read yet which models it serves, so not whether ${model} is one; try again`;
      throw new ConclaveError('CVE_INFER_NOT_READY', text, { retryAfterMs: 1000 });
    }
    const known = this.models.join(', ') || 'none';
    throw new ConclaveError('CVE_MODEL_UNKNOWN', `this runner serves no model ${model}; it serves: ${known}`);
  }

  /** Acts on the present state of models' rollouts; models not named stay as they are. The first call names all there are. */
  apply(states: Iterable<RolloutsState>): void {
    this.#caughtUp = true;
    for (const state of states) {
      if (state.forgotten !== undefined) {
        this.#forget(state.model);
        continue;
      }
      const router = this.#routers.get(state.model) ?? this.#addRouter(state.model);
      this.#keep(state);
      this.#applyTo(router, state.model, desiredOf(state, this.#options.sloLatencyMs));
    }
    this.#reconcile();
    this.#changed();
  }

  #forget(model: string): void {
    this.#routers.get(model)?.rollWindows();
    for (const map of [this.#routers, this.#awaited, this.#kept]) map.delete(model);
  }

  #keep({ model, stable, previousStable }: RolloutsState): void {
    if (stable === undefined || previousStable === undefined) {
      this.#kept.delete(model);
      return;
    }
    const until = Date.parse(stable.since) + this.#options.keepPreviousSeconds * 1000;
    this.#kept.set(model, { version: previousStable, until });
  }

  #applyTo(router: Router, model: string, desired: Desired): void {
    const present = router.desired.stable;
    const waits =
      desired.stable !== undefined &&
      this.#versions.get(desired.stable)?.state !== 'ready' &&
      present !== undefined &&
      this.#versions.get(present)?.state === 'ready';
    if (waits) this.#awaited.set(model, desired);
    else this.#awaited.delete(model);
    if (waits) router.apply({ ...desired, stable: present }, desired.stable);
    else router.apply(desired);
  }

  #handOver(): void {
    for (const [model, desired] of this.#awaited) {
      if (desired.stable === undefined || this.#versions.get(desired.stable)?.state !== 'ready') continue;
      this.#awaited.delete(model);
      this.#routers.get(model)?.apply(desired);
    }
  }

  #reconcile(): void {
    if (this.#stopped) return;
    this.#versions.reconcile([...this.#routers].flatMap(([model, router]) => this.#wantedOf(model, router)));
  }

  hear(confirmation: DesiredConfirmation): void {
    this.#routers.get(confirmation.model)?.hear(confirmation);
  }

  /** The journal cannot be followed any more: every model is served by stable only. */
  halt(reason: string): void {
    this.#halted = reason;
    for (const router of this.#routers.values()) router.halt();
  }

  /** What a model's rollout asks for is not known any more: stable serves it alone, until this runner is upgraded. */
  haltModel(model: string, reason: string): void {
    this.#unread.set(model, reason);
    this.#routers.get(model)?.halt();
  }

  /** To be called several times within the confirmation timeout: silence has to be noticed. A stable version is never given up. */
  tick(): void {
    for (const [model, router] of this.#routers) {
      router.refresh();
      const { stable } = this.#awaited.get(model) ?? router.desired;
      if (stable !== undefined) this.#versions.get(stable)?.tryAgain();
    }
    this.#reconcile();
  }

  rollWindows(): void {
    for (const router of this.#routers.values()) router.rollWindows();
  }

  /** Digests of the bundles and datasets that are served. */
  get inUse(): readonly string[] {
    const wanted = [...this.#routers].flatMap(([model, router]) => this.#wantedOf(model, router));
    return wanted.flatMap(({ digest, dataset }) => [digest, dataset]);
  }

  /**
   * Whether requests should come here: every stable version was loaded once or has shown that it cannot be, and some model answers.
   * A model that fails, restarts or is new takes no other out of readiness.
   */
  get ready(): boolean {
    if (!this.#caughtUp) return false;
    const stables = [...this.#stables().values()];
    this.#settled ||= stables.every((version) => version?.state === 'ready' || version?.lastFailure !== undefined);
    return this.#settled && (stables.length === 0 || stables.some((version) => version?.state === 'ready'));
  }

  /** For people: how many models there are, and which cannot be loaded. */
  get detail(): string {
    if (!this.#caughtUp) return 'reading which models there are';
    const failed = [...this.#stables()].flatMap(([model, version]) =>
      version?.lastFailure === undefined
        ? []
        : [`${model} ${version.wanted.version} cannot be loaded: ${oneLine(version.lastFailure).slice(0, 300)}`],
    );
    const unread = [...this.#unread].map(
      ([model, reason]) =>
        `${model} is served by stable alone (CVE_JOURNAL_UNKNOWN_EVENT: ${reason}): upgrade this runner`,
    );
    return [`${this.#routers.size} models`, ...failed, ...unread].join('; ');
  }

  #stables(): Map<string, ServedVersion | undefined> {
    return new Map(
      [...this.#routers].flatMap(([model, { desired }]) =>
        desired.stable === undefined ? [] : [[model, this.#versions.get(desired.stable)] as const],
      ),
    );
  }

  status(): ModelStatus[] {
    return [...this.#routers].map(([model, router]) => ({
      model,
      rolloutSeq: router.desired.seq,
      confirmed: router.confirmed,
      stable: answeringAsStable(router),
      versions: this.#wantedOf(model, router).map((wanted) => this.#versionStatus(router, wanted)),
    }));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.rollWindows();
    await this.#versions.stop();
  }

  #versionStatus({ desired }: Router, { version, digest, dataset }: WantedVersion): ModelStatus['versions'][number] {
    const { candidate } = desired;
    const served = this.#versions.get({ digest, dataset });
    const isCandidate = candidate?.digest === digest && candidate.dataset === dataset && candidate.version === version;
    const ofStable = digest === desired.stable?.digest ? 1 - (candidate?.share ?? 0) : 0;
    const share = isCandidate ? candidate.share : ofStable;
    const liveMode = share > 0 ? 'live' : 'idle';
    return {
      version,
      digest,
      dataset,
      ...stateOf(served),
      share,
      mode: isCandidate && candidate.mirror ? 'mirror' : liveMode,
      ...(isCandidate ? { stageEpoch: candidate.stageEpoch } : {}),
      ...(served?.form === undefined ? {} : { input: inputOf(served.form) }),
    };
  }

  #addRouter(model: string): Router {
    const { runner, desiredConfirmationTimeoutMs, random } = this.#options;
    const router = new Router({
      runner,
      model,
      desiredConfirmationTimeoutMs,
      ...(random === undefined ? {} : { random }),
      targetOf: (version) => this.#versions.get(version),
      onWindows: (windows) => this.#options.onWindows(windows),
      onClockSetBack: (bySeconds) => this.#options.onClockSetBack?.(model, bySeconds),
    });
    if (this.#unread.has(model)) router.halt();
    this.#routers.set(model, router);
    return router;
  }

  #wantedOf(model: string, { desired }: Router): WantedVersion[] {
    const wanted = [desired.stable, desired.candidate, this.#awaited.get(model)?.stable, this.#keptOf(model, desired)];
    const different = new Map(
      wanted.filter((version) => version !== undefined).map((one) => [`${one.digest} ${one.dataset}`, one] as const),
    );
    return [...different.values()].map(({ version, digest, dataset }) => ({ model, version, digest, dataset }));
  }

  /** The version before, while it is to be kept: loaded only after stable is, and no third one beside a candidate. */
  #keptOf(model: string, { stable, candidate }: Desired): StableVersion | undefined {
    const kept = this.#kept.get(model);
    if (kept === undefined || stable === undefined || candidate !== undefined || Date.now() > kept.until)
      return undefined;
    const isDue = this.#versions.get(stable)?.state === 'ready' || this.#versions.get(kept.version) !== undefined;
    return isDue ? kept.version : undefined;
  }

  #changed(): void {
    this.#handOver();
    this.tick();
    this.#options.onChange?.();
  }
}

function answeringAsStable(router: Router): ModelStatus['stable'] {
  const { stable } = router.desired;
  if (stable === undefined || router.target('stable')?.state !== 'ready') return null;
  return { version: stable.version, digest: stable.digest, dataset: stable.dataset };
}

/** A version that has failed is told as failed also while it is tried again. */
function stateOf(served: ServedVersion | undefined): Pick<ModelStatus['versions'][number], 'state' | 'detail'> {
  if (served === undefined) return { state: 'loading', detail: 'starting' };
  const { state, detail, lastFailure } = served;
  if (state === 'stopped') return { state: 'failed', detail };
  return state !== 'ready' && lastFailure !== undefined ? { state: 'failed', detail: lastFailure } : { state, detail };
}

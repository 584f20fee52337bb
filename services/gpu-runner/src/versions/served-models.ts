import {
  ConclaveError,
  type DesiredConfirmation,
  type RolloutsState,
  type RunnerStatus,
  type TelemetryWindow,
} from '@conclave/contracts';
import { inputOf } from '../retrieval/query-encoder.ts';
import { Router } from '../routing/router.ts';
import { type Desired, desiredOf } from '../routing/traffic.ts';
import type { ServedVersionOptions, WantedVersion } from './served-version.ts';
import { VersionSet } from './version-set.ts';

type ModelStatus = RunnerStatus['models'][number];

export interface ServedModelsOptions extends Omit<ServedVersionOptions, 'onChange'> {
  readonly runner: string;
  readonly desiredConfirmationTimeoutMs: number;
  /** Latency in milliseconds to keep where no rollout's gate says one. */
  readonly sloLatencyMs: number;
  onWindows(windows: readonly TelemetryWindow[]): void;
  /** Called when a model appears, or a version's state changes. */
  onChange?(): void;
}

/**
 * Everything a runner serves: a router for each model, and the versions behind them. A stable version that is replaced by one that still
 * has to be loaded goes on serving until that one is ready: taking production back must not cost a request.
 */
export class ServedModels {
  readonly #options: ServedModelsOptions;
  readonly #routers = new Map<string, Router>();
  readonly #versions: VersionSet;
  /** What models are to be served as soon as their new stable version is ready. */
  readonly #awaited = new Map<string, Desired>();
  #halted: string | undefined;

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

  /** @throws CVE_MODEL_UNKNOWN */
  router(model: string): Router {
    const router = this.#routers.get(model);
    if (router !== undefined) return router;
    const known = this.models.join(', ') || 'none';
    throw new ConclaveError('CVE_MODEL_UNKNOWN', `this runner serves no model ${model}; it serves: ${known}`);
  }

  /** Acts on the present state of models' rollouts; models not named stay as they are. */
  apply(states: Iterable<RolloutsState>): void {
    for (const state of states) {
      const router = this.#routers.get(state.model) ?? this.#addRouter(state.model);
      this.#applyTo(router, state.model, desiredOf(state, this.#options.sloLatencyMs));
    }
    this.#reconcile();
    this.#changed();
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
    router.apply(waits ? { ...desired, stable: present } : desired);
  }

  #handOver(): void {
    for (const [model, desired] of this.#awaited) {
      if (desired.stable === undefined || this.#versions.get(desired.stable)?.state !== 'ready') continue;
      this.#awaited.delete(model);
      this.#routers.get(model)?.apply(desired);
      this.#reconcile();
    }
  }

  #reconcile(): void {
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

  /** To be called several times within the confirmation timeout: silence has to be noticed. A stable version is never given up. */
  tick(): void {
    for (const [model, router] of this.#routers) {
      router.refresh();
      const { stable } = this.#awaited.get(model) ?? router.desired;
      if (stable !== undefined) this.#versions.get(stable)?.tryAgain();
    }
  }

  rollWindows(): void {
    for (const router of this.#routers.values()) router.rollWindows();
  }

  /** Digests of the bundles and datasets that are served. */
  get inUse(): readonly string[] {
    const wanted = [...this.#routers].flatMap(([model, router]) => this.#wantedOf(model, router));
    return wanted.flatMap(({ digest, dataset }) => [digest, dataset]);
  }

  /** True when the stable version of every model can answer. */
  get ready(): boolean {
    return [...this.#routers.values()].every(
      (router) => router.desired.stable === undefined || router.target('stable')?.state === 'ready',
    );
  }

  status(): ModelStatus[] {
    return [...this.#routers].map(([model, router]) => ({
      model,
      rolloutSeq: router.desired.seq,
      confirmed: router.confirmed,
      versions: this.#wantedOf(model, router).map((wanted) => this.#versionStatus(router, wanted)),
    }));
  }

  async stop(): Promise<void> {
    this.rollWindows();
    await this.#versions.stop();
  }

  #versionStatus({ desired }: Router, { version, digest, dataset }: WantedVersion): ModelStatus['versions'][number] {
    const { candidate } = desired;
    const served = this.#versions.get({ digest, dataset });
    const state = served?.state ?? 'loading';
    const isCandidate = candidate?.digest === digest && candidate.version === version;
    const ofStable = digest === desired.stable?.digest ? 1 - (candidate?.share ?? 0) : 0;
    const share = isCandidate ? candidate.share : ofStable;
    const liveMode = share > 0 ? 'live' : 'idle';
    return {
      version,
      digest,
      state: state === 'stopped' ? 'failed' : state,
      detail: served?.detail ?? 'starting',
      share,
      mode: isCandidate && candidate.mirror ? 'mirror' : liveMode,
      ...(isCandidate ? { stageEpoch: candidate.stageEpoch } : {}),
      ...(served?.form === undefined ? {} : { input: inputOf(served.form) }),
    };
  }

  #addRouter(model: string): Router {
    const { runner, desiredConfirmationTimeoutMs } = this.#options;
    const router = new Router({
      runner,
      model,
      desiredConfirmationTimeoutMs,
      targetOf: (version) => this.#versions.get(version),
      onWindows: (windows) => this.#options.onWindows(windows),
    });
    this.#routers.set(model, router);
    return router;
  }

  #wantedOf(model: string, { desired }: Router): WantedVersion[] {
    return [desired.stable, desired.candidate, this.#awaited.get(model)?.stable]
      .filter((version) => version !== undefined)
      .map(({ version, digest, dataset }) => ({ model, version, digest, dataset }));
  }

  #changed(): void {
    this.#handOver();
    this.tick();
    this.#options.onChange?.();
  }
}

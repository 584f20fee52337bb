import {
  ConclaveError,
  digest,
  subjects,
  type TelemetryWindow,
  telemetryWindow,
  versionName,
} from '@conclave/contracts';
import { openRollout, WindowOrder, type World } from '@conclave/core';
import type { Clock } from '@conclave/service';
import { z } from 'zod';
import { resolveTarget, targetArgs } from './target.ts';
import { summarise } from './telemetry-summary.ts';
import { defineTool, type Tool } from './tool.ts';
import type { ToolKit } from './tool-kit.ts';

const served = z.strictObject({
  version: versionName.describe('Its version.'),
  digest: digest.describe('Its digest.'),
});
const args = z.strictObject({
  ...targetArgs,
  minutes: z
    .number()
    .int()
    .min(1)
    .max(1440)
    .default(15)
    .describe("How far back to look, minutes; never further than the stage's start."),
  digest: digest.optional().describe('What is measured. Filled in from the world: leave it out.'),
  stageEpoch: z
    .number()
    .int()
    .nonnegative()
    .optional()
    .describe('The stage whose requests count. Filled in from the world: leave it out.'),
  since: z.iso
    .datetime()
    .optional()
    .describe('The time from which on they count. Filled in from the world: leave it out.'),
  stable: served.optional().describe('What it is compared with. Filled in from the world: leave it out.'),
});
type Args = z.infer<typeof args>;

/** Reads stored telemetry windows and then live ones until told to stop. */
export type TelemetrySource = (options: {
  readonly filter: readonly string[];
  readonly sinceIso: string;
  onMessage(json: unknown): void;
  onCaughtUp(): void;
  onError(error: unknown): void;
}) => { stop(): Promise<void> };

export interface MetricsDeps {
  readonly follow: TelemetrySource;
  readonly clock: Clock;
  /** Milliseconds to wait for a first request when none is on record. */
  readonly patienceMs: number;
}

/** Merges the telemetry windows of the present stage. No window, or none with a request, is a failure: missing data never passes. */
export function collectMetrics(deps: MetricsDeps): Tool {
  return defineTool<Args>({
    name: 'collect_metrics',
    description: 'Requests, errors, SLO compliance and latency of a version in its present stage, beside stable.',
    args,
    idempotent: true,
    changes: false,
    complete: (given, world) => scoped(given, world, deps.clock.now()),
    async run(given, { signal }) {
      const { model = '', version = '', stable, since = '', stageEpoch } = given;
      const windows = await readWindows(deps, given, signal);
      const own = windows.filter(
        (w) => w.version === version && w.digest === given.digest && w.stageEpoch === stageEpoch,
      );
      const summary = summarise(own);
      if (summary === undefined || summary.requests === 0) {
        const error = `no telemetry: ${model} ${version} answered no request since ${since}`;
        return { ok: false, result: { model, version, windows: own.length, since }, error };
      }
      const ofStable = summarise(windows.filter((w) => w.version === stable?.version && w.digest === stable.digest));
      const allLive = summary.liveRequests + (ofStable?.liveRequests ?? 0);
      const measuredShare = allLive === 0 ? null : summary.liveRequests / allLive;
      const scope = { model, version, digest: given.digest, stageEpoch: stageEpoch ?? null, since };
      return { ok: true, result: { ...scope, ...summary, measuredShare, stable: ofStable ?? null } };
    },
  });
}

/** What is measured: the candidate in its present stage epoch, or a version that serves as stable. */
function scoped(given: Args, world: World, now: Date): Args {
  const { model, version } = resolveTarget(world, given);
  const state = world.rollouts[model];
  const rollout = state === undefined ? undefined : openRollout(state);
  const stable = state?.stable;
  const earliest = new Date(now.getTime() - given.minutes * 60_000).toISOString();
  const { minutes } = given;
  if (rollout?.definition.version === version && rollout.enteredAt !== undefined) {
    const since = Date.parse(rollout.enteredAt) > Date.parse(earliest) ? rollout.enteredAt : earliest;
    const comparison = stable === undefined ? {} : { stable: { version: stable.version, digest: stable.digest } };
    return {
      model,
      version,
      minutes,
      digest: rollout.definition.digest,
      stageEpoch: rollout.stageEpoch,
      since,
      ...comparison,
    };
  }
  if (stable?.version === version) return { model, version, minutes, digest: stable.digest, since: earliest };
  throw new ConclaveError(
    'CVE_TOOL_INVALID_ARGS',
    `${model} ${version} serves nowhere: it is neither stable nor in a stage; deploy it to shadow first`,
  );
}

/** The windows that count, as soon as everything stored is read and the version has answered something. */
async function readWindows(deps: MetricsDeps, scope: Args, signal: AbortSignal): Promise<TelemetryWindow[]> {
  const { model = '', version = '', stable, since = '' } = scope;
  const windows: TelemetryWindow[] = [];
  const order = new WindowOrder();
  const enough = Promise.withResolvers<void>();
  let forgetPatience = (): void => {};
  let isCaughtUp = false;
  const look = (): void => {
    if (isCaughtUp && windows.some((w) => w.version === version && w.requests > 0)) enough.resolve();
  };
  const versions = new Set([version, ...(stable === undefined ? [] : [stable.version])]);
  const reader = deps.follow({
    filter: [...versions].map((name) => subjects.telemetry(model, name)),
    sinceIso: since,
    onMessage(json) {
      const parsed = telemetryWindow.safeParse(json);
      if (!parsed.success || parsed.data.excluded !== undefined) return;
      const isOfTheTime = Date.parse(parsed.data.from) >= Date.parse(since);
      if (isOfTheTime && order.refuse(parsed.data) === undefined) windows.push(parsed.data);
      look();
    },
    onCaughtUp() {
      isCaughtUp = true;
      // Not earlier: a part of what is on record would pass for the whole.
      forgetPatience = deps.clock.after(deps.patienceMs, () => enough.resolve());
      look();
    },
    onError: (error) => enough.reject(error),
  });
  const cancel = (): void => enough.reject(new ConclaveError('CVE_CANCELLED', 'stopped while reading telemetry'));
  signal.addEventListener('abort', cancel, { once: true });
  try {
    await enough.promise;
    return windows;
  } finally {
    forgetPatience();
    signal.removeEventListener('abort', cancel);
    await reader.stop();
  }
}

/** The tool of the real system. */
export const connect = (kit: ToolKit): Tool => collectMetrics(kit);

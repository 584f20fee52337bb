import type { RunnerStatus } from '@conclave/contracts';
import { duration } from './describe/index.ts';
import { openRollout } from './folds/rollout.ts';
import type { World } from './folds/world.ts';

/** A runner reports itself every second; one that has not for this long is away. */
export const RUNNER_SILENT_MS = 3000;
/** So long a runner that came up is said to be back. */
const NEWS_SECONDS = 60;

/** The last that was heard of a runner. */
export interface HeardRunner {
  readonly status: RunnerStatus;
  /** Milliseconds since then, by the clock of who hears. */
  readonly silentMs: number;
}

export interface RunnerPresence {
  readonly runner: string;
  /** `starting`: it is up and cannot answer yet for all that it serves. `failing`: a version cannot be served by it. */
  readonly state: 'up' | 'starting' | 'failing' | 'away';
  /** For people, behind the runner's name: `(serve, evaluate)`, `is away: not heard for 6 s`. */
  readonly detail: string;
}

/** How each runner is: those that were heard, and those that should be there. */
export function runnerPresence(heard: readonly HeardRunner[], expected: Iterable<string>, now: Date): RunnerPresence[] {
  const silent = [...new Set(expected)]
    .filter((runner) => heard.every(({ status }) => status.runner !== runner))
    .map((runner): RunnerPresence => ({ runner, state: 'away', detail: 'is away: it reports nothing' }));
  return [...heard.map((one) => presenceOf(one, now)), ...silent].sort((a, b) => (a.runner < b.runner ? -1 : 1));
}

function presenceOf({ status, silentMs }: HeardRunner, now: Date): RunnerPresence {
  const { runner, roles, startedAt } = status;
  if (silentMs > RUNNER_SILENT_MS)
    return { runner, state: 'away', detail: `is away: not heard for ${duration(Math.round(silentMs / 1000))}` };
  const upSeconds = startedAt === undefined ? undefined : Math.max(0, (now.getTime() - Date.parse(startedAt)) / 1000);
  const isNew = upSeconds !== undefined && upSeconds < NEWS_SECONDS;
  const since = isNew ? `, up for ${duration(Math.round(upSeconds))}` : '';
  const versions = status.models.flatMap(({ model, versions: all }) =>
    all.map((v) => ({ ...v, name: `${model} ${v.version}` })),
  );
  const named = (state: string): string[] => versions.filter((v) => v.state === state).map(({ name }) => name);
  const broken = [
    ...named('failed').map((name) => `${name} failed`),
    ...named('restarting').map((name) => `${name} restarts`),
  ];
  if (broken.length > 0)
    return { runner, state: 'failing', detail: `(${roles.join(', ')}${since}; ${broken.join(', ')})` };
  const loading = named('loading');
  if (isNew && loading.length > 0)
    return { runner, state: 'starting', detail: `is starting: loads ${loading.join(', ')}${since}` };
  return { runner, state: 'up', detail: `(${roles.join(', ')}${since})` };
}

/** The runners that serve an open rollout's stage, by the journal. */
export function stageRunners(world: World): string[] {
  return Object.values(world.rollouts).flatMap((state) => openRollout(state)?.runners ?? []);
}

import type { RunnerServing, RunnerStatus } from '@conclave/contracts';
import { openRollout, type RolloutsState, type ServedVersion } from './folds/rollout.ts';

type ModelOnRunner = RunnerStatus['models'][number];

/** Desired against really served: one entry for each serving runner that reports itself. Empty when nothing is to be served. */
export function servingOf(state: RolloutsState, runners: readonly RunnerStatus[]): RunnerServing[] {
  const { stable } = state;
  if (stable === undefined) return [];
  return runners
    .filter(({ roles }) => roles.includes('serve'))
    .toSorted((a, b) => (a.runner < b.runner ? -1 : 1))
    .map(({ runner, models }) => ({
      runner,
      ...servingOn(
        state,
        stable,
        models.find(({ model }) => model === state.model),
      ),
    }));
}

function servingOn(
  state: RolloutsState,
  stable: ServedVersion,
  model: ModelOnRunner | undefined,
): Omit<RunnerServing, 'runner'> {
  const answers = answering(model)?.version ?? null;
  const wanted = model?.versions.find((one) => isSame(one, stable));
  if (model === undefined || wanted === undefined) return { state: 'behind', answers, detail: 'not heard of it yet' };
  if (wanted.state !== 'ready') return { state: wanted.state, answers, detail: wanted.detail };
  const { digest } = answering(model) ?? {};
  if (digest !== stable.digest) return { state: 'behind', answers, detail: 'about to hand over' };
  const over = model.versions.find((one) => !isSame(one, stable) && one.share > 0 && !isCandidate(state, one));
  return over === undefined
    ? { state: 'serving', answers, detail: wanted.detail }
    : { state: 'behind', answers, detail: `${over.version} still answers ${Math.round(over.share * 100)}% there` };
}

/** What answers as stable; a runner of an older version does not say, and then it is the version with all or the rest of the traffic. */
function answering(model: ModelOnRunner | undefined): { version: string; digest: string } | undefined {
  if (model?.stable !== undefined) return model.stable ?? undefined;
  return model?.versions.find((one) => one.state === 'ready' && one.mode === 'live' && one.stageEpoch === undefined);
}

function isSame(
  one: { readonly digest: string; readonly dataset?: string | undefined },
  wanted: { readonly digest: string; readonly dataset: string },
): boolean {
  return one.digest === wanted.digest && (one.dataset ?? wanted.dataset) === wanted.dataset;
}

function isCandidate(state: RolloutsState, { digest, stageEpoch }: ModelOnRunner['versions'][number]): boolean {
  const rollout = openRollout(state);
  return rollout?.definition.digest === digest && rollout.stageEpoch === stageEpoch;
}

/** What runners do with a version, one sentence for all that do the same: `gpu-runner-0 loads 1.0 (fetching); until then 1.1 answers there`. */
export function describeServing(there: readonly RunnerServing[], version: string): string[] {
  const alike = Map.groupBy(there, ({ state, answers, detail }) =>
    JSON.stringify(state === 'serving' ? [state] : [state, answers, detail]),
  );
  return [...alike.values()].map((group) => describeAlike(group, version));
}

function describeAlike(group: readonly RunnerServing[], version: string): string {
  const who = group.map(({ runner }) => runner).join(', ');
  const [first] = group;
  if (first === undefined) return '';
  const { state, answers, detail } = first;
  const verb = (one: string, many: string): string => `${who} ${group.length === 1 ? one : many} ${version}`;
  const meanwhile = answers === null ? 'nothing answers there' : `${answers} answers there`;
  switch (state) {
    case 'serving':
      return verb('serves', 'serve');
    case 'loading':
      return `${verb('loads', 'load')} (${detail}); until then ${meanwhile}`;
    case 'restarting':
      return `${verb('restarts', 'restart')} (${detail}); until then ${meanwhile}`;
    case 'failed':
      return `${verb('cannot load', 'cannot load')}: ${detail}; ${meanwhile}`;
    case 'behind':
      return `${verb('does not serve', 'do not serve')} yet (${detail}); ${meanwhile}`;
  }
}

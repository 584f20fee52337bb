import { connectBus, openJournal } from '@conclave/bus';
import { callApi, pushDataset, pushModel } from '@conclave/cli';
import {
  ConclaveError,
  isEnded,
  messageOf,
  type Rollout,
  type RolloutDefinition,
  registeredDataset,
  registeredModel,
  type World,
} from '@conclave/contracts';
import { followWorld, type WorldFollower } from '@conclave/service';
import type { Stack } from '../stack.ts';
import { type LoadDriver, startLoad } from './load-driver.ts';
import {
  ADOPTED_VERSION,
  bundleDir,
  datasetDir,
  ROLLED_OUT,
  SAMPLE_DATASET,
  SAMPLE_MODEL,
  sampleQueries,
  sampleRollout,
} from './sample.ts';
import { endingLines, type Screen, summaryLines } from './screen.ts';

export interface StoryOptions {
  readonly stack: Stack;
  readonly screen: Screen;
  /** `production`: end when 1.0 is in production; `refused`: when 1.1 and 1.2 were refused too; undefined: stay until stopped. */
  readonly exitWhen: 'production' | 'refused' | undefined;
  readonly requestsPerSecond: number;
  readonly signal: AbortSignal;
  /** Told once traffic flows, so that the caller can stop it. */
  onLoad(load: LoadDriver): void;
}

/** Longest time one rollout of the story may take, in milliseconds. */
const ROLLOUT_TIMEOUT_MS = 10 * 60_000;

/**
 * Tells the story: 0.9 is adopted, 1.0 earns production, 1.1 and 1.2 are refused. Each step looks at the journal first, so
 * that a new start goes on where the last one stopped.
 * @returns true when every version ended as it should.
 */
export async function tellStory({
  stack,
  screen,
  exitWhen,
  requestsPerSecond,
  signal,
  onLoad,
}: StoryOptions): Promise<boolean> {
  const bus = await connectBus({
    servers: stack.natsUrl,
    name: 'story',
    nkeySeed: await stack.credentials.seed('operator'),
    user: 'operator',
  });
  const token = await stack.credentials.token('local');
  const journal = openJournal(bus, { by: 'story' });
  const follower = await followWorld({ journal, onError: (error) => screen.line(messageOf(error), 'bad') });
  try {
    await follower.ready();
    await register(bus, token, follower.world, screen);
    if (follower.world.rollouts[SAMPLE_MODEL]?.stable === undefined) {
      await callApi(bus, 'adopt', { model: SAMPLE_MODEL, version: ADOPTED_VERSION, dataset: SAMPLE_DATASET }, token);
      screen.line(`${SAMPLE_MODEL} ${ADOPTED_VERSION} is adopted: it serves all traffic from here on`, 'good');
    }
    await untilServing(stack, signal);
    const load = startLoad({
      url: stack.urls['gpu-runner-0'] ?? '',
      model: SAMPLE_MODEL,
      queries: await sampleQueries(),
      requestsPerSecond,
      clients: 1000,
    });
    onLoad(load);
    screen.line(`traffic flows: ${requestsPerSecond} validation queries a second under 1000 client keys`);
    follower.onCommit((commit) => screen.commit(commit));

    let asExpected = true;
    for (const { version, expects, about } of ROLLED_OUT) {
      screen.title(`${SAMPLE_MODEL} ${version}: ${about}`);
      const ended = await rollOut(
        follower,
        version,
        (definition) => callApi(bus, 'apply', { definition }, token),
        signal,
      );
      for (const line of endingLines(ended.rollout)) screen.line(line.text, line.level);
      if (ended.wasEnded)
        for (const summary of ended.rollout.summaries)
          for (const line of summaryLines(summary)) screen.line(line.text, line.level);
      const { sent, failed, lastFailure } = load.counts;
      screen.line(
        `traffic so far: ${sent} requests, ${failed} failed${lastFailure === undefined ? '' : ` (last: ${lastFailure})`}`,
        failed === 0 ? 'good' : 'warn',
      );
      asExpected &&= ended.rollout.phase === expects;
      if (version === '1.0' && exitWhen === 'production') return asExpected;
    }
    return asExpected;
  } finally {
    await follower.stop();
    await bus.drain();
  }
}

async function register(
  bus: Parameters<typeof pushModel>[0],
  token: string,
  world: World,
  screen: Screen,
): Promise<void> {
  if (registeredDataset(world, SAMPLE_DATASET) === undefined) {
    const dataset = await pushDataset(bus, datasetDir, { token });
    screen.line(`dataset ${SAMPLE_DATASET} is pushed: ${dataset.documents} pictures, ${dataset.queries} queries`);
  }
  for (const version of [ADOPTED_VERSION, ...ROLLED_OUT.map((r) => r.version)]) {
    if (registeredModel(world, SAMPLE_MODEL, version) !== undefined) continue;
    const { digest } = await pushModel(bus, bundleDir(version), { token });
    screen.line(`${SAMPLE_MODEL} ${version} is pushed: ${digest.slice(0, 19)}`);
  }
}

async function rollOut(
  follower: WorldFollower,
  version: string,
  apply: (definition: RolloutDefinition) => Promise<unknown>,
  signal: AbortSignal,
): Promise<{ rollout: Rollout; wasEnded: boolean }> {
  const known = rolloutOf(follower.world, version);
  if (known !== undefined && isEnded(known)) return { rollout: known, wasEnded: true };
  if (known === undefined) await apply(await sampleRollout(version));
  const rollout = await follower.waitFor(
    (world) => {
      const found = rolloutOf(world, version);
      return found !== undefined && isEnded(found) ? found : undefined;
    },
    { timeoutMs: ROLLOUT_TIMEOUT_MS, signal, what: `the end of the rollout of ${SAMPLE_MODEL} ${version}` },
  );
  return { rollout, wasEnded: false };
}

/** The newest rollout of a version. */
function rolloutOf(world: World, version: string): Rollout | undefined {
  const state = world.rollouts[SAMPLE_MODEL];
  const all = state?.current === undefined ? [] : [state.current, ...state.past];
  return all.find((r) => r.definition.version === version);
}

/** Waits until the gpu-runner answers for the model. */
async function untilServing(stack: Stack, signal: AbortSignal): Promise<void> {
  const url = `${stack.urls['gpu-runner-0'] ?? ''}/v2/models/${SAMPLE_MODEL}/ready`;
  const deadline = performance.now() + 60_000;
  while (performance.now() < deadline) {
    signal.throwIfAborted();
    const ready = await fetch(url).then(
      (response) => response.ok,
      () => false,
    );
    if (ready) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    setTimeout(resolve, 200);
    await promise;
  }
  throw new ConclaveError(
    'CVE_STACK_FAILED',
    `the gpu-runner has not got ${SAMPLE_MODEL} ready within 60 s (${url}); see its log in ${stack.dataDir}/logs`,
  );
}

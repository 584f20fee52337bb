import { setTimeout as pause } from 'node:timers/promises';
import { connectBus, keyringFromFile, openJournal } from '@conclave/bus';
import { bearer, callApi, type LoadDriver, pushDataset, pushModel, startLoad } from '@conclave/cli';
import { ConclaveError, messageOf } from '@conclave/contracts';
import { isEnded, queryInput, registeredDataset, registeredModel, type Seating, type World } from '@conclave/core';
import { followWorld } from '@conclave/service';
import type { Stack } from '../stack.ts';
import { awaitEnding, rolloutOf } from './await-ending.ts';
import { rollOut } from './roll-out.ts';
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
import { endingLines, type Screen, summaryLines, type Told } from './screen.ts';

export interface StoryOptions {
  readonly stack: Stack;
  readonly screen: Screen;
  /** Who sits, as reported last. */
  readonly seating: () => Seating;
  /** `production`: end when 1.0 is in production; `refused`: when 1.1 and 1.2 were refused too; undefined: stay until stopped. */
  readonly exitWhen: 'production' | 'refused' | undefined;
  readonly requestsPerSecond: number;
  readonly signal: AbortSignal;
  /** Told once traffic flows, so that the caller can stop it. */
  onLoad(load: LoadDriver): void;
}

/** Longest time one rollout of the story usually takes, in milliseconds; with `exitWhen`, the longest it may. */
const ROLLOUT_MS = 10 * 60_000;

/**
 * Tells the story: 0.9 is adopted, 1.0 earns production, 1.1 and 1.2 are refused. Each step looks at the journal first, so
 * that a new start goes on where the last one stopped.
 * @returns true when every version ended as it should.
 */
export async function tellStory({
  stack,
  screen,
  seating,
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
    keyring: keyringFromFile(stack.credentials.keyringFile),
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
    const runners = runnerUrls(stack);
    await untilServing(stack, runners, signal);
    const load = startLoad({
      endpoints: () => runners,
      httpToken: stack.httpToken,
      model: SAMPLE_MODEL,
      inputs: (await sampleQueries()).map(queryInput),
      requestsPerSecond,
      clients: 1000,
    });
    onLoad(load);
    screen.line(
      `traffic flows to ${runners.length} runners: ${requestsPerSecond} validation queries a second under 1000 client keys`,
    );
    follower.onCommit((commit) => screen.commit(commit));

    let asExpected = true;
    for (const { version, expects, about } of ROLLED_OUT) {
      screen.title(`${SAMPLE_MODEL} ${version}: ${about}`);
      const known = rolloutOf(follower.world, SAMPLE_MODEL, version);
      const rollout = await rollOut(follower, {
        model: SAMPLE_MODEL,
        version,
        expects,
        // A version that fell on a busy machine is applied again as it is.
        apply: async () => callApi(bus, 'apply', { definition: await sampleRollout(version), retry: true }, token),
        ending: () =>
          awaitEnding(follower, {
            model: SAMPLE_MODEL,
            version,
            usualMs: ROLLOUT_MS,
            seating,
            onMissing: exitWhen === undefined ? (missing) => tellMissing(screen, version, missing) : undefined,
            signal,
          }),
        onFell: (fallen) => {
          for (const line of endingLines(fallen)) screen.line(line.text, line.level);
          screen.line(`a busy machine looks the same as a slow model: ${version} is applied again in a while`, 'warn');
        },
        signal,
      });
      const { ended } = rollout;
      const tell = ({ text, level }: Told): void => screen.line(text, level, ended && new Date(ended.at));
      for (const line of endingLines(rollout)) tell(line);
      if (known !== undefined && isEnded(known))
        for (const summary of rollout.summaries) for (const line of summaryLines(summary)) tell(line);
      const { sent, failed, lastFailure } = load.counts;
      screen.line(
        `traffic so far: ${sent} requests, ${failed} failed${lastFailure === undefined ? '' : ` (last: ${lastFailure})`}`,
        failed === 0 ? 'good' : 'warn',
      );
      asExpected &&= rollout.phase === expects;
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

function tellMissing(screen: Screen, version: string, missing: readonly string[]): void {
  screen.line(`${version} takes longer than usual and still waits for:`, 'warn');
  for (const sentence of missing) screen.line(`   ${sentence}`, 'warn');
}

function runnerUrls(stack: Stack): string[] {
  return Object.entries(stack.urls).flatMap(([name, url]) => (name.startsWith('gpu-runner-') ? [url] : []));
}

/** Waits until every gpu-runner answers for the model. */
async function untilServing(stack: Stack, runners: readonly string[], signal: AbortSignal): Promise<void> {
  const isReady = (runner: string): Promise<boolean> =>
    fetch(`${runner}/v2/models/${SAMPLE_MODEL}/ready`, { headers: bearer(stack.httpToken) }).then(
      (response) => response.ok,
      () => false,
    );
  const deadline = performance.now() + 60_000;
  while (performance.now() < deadline) {
    signal.throwIfAborted();
    if ((await Promise.all(runners.map(isReady))).every((ready) => ready)) return;
    await pause(200);
  }
  throw new ConclaveError(
    'CVE_STACK_FAILED',
    `a gpu-runner has not got ${SAMPLE_MODEL} ready within 60 s (${runners.join(', ')}); see the logs in ${stack.dataDir}/logs`,
  );
}

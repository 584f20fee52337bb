import { join } from 'node:path';
import {
  openArtifacts,
  openMembership,
  openWorkQueue,
  publishTelemetry,
  serveApi,
  type WorkConsumer,
} from '@conclave/bus';
import { desiredConfirmation, messageOf, type RunnerStatus, runnerStatus, subjects } from '@conclave/contracts';
import { type RunningService, receiving, runService, type ServiceContext } from '@conclave/service';
import { OfflineEvaluations } from './evaluation/offline-evaluation.ts';
import { serveOpenInference } from './http/open-inference.ts';
import { RollbackTests } from './rollback-test/rollback-test-api.ts';
import { WindowPublisher } from './telemetry/window-publisher.ts';
import { InferEndpoints } from './versions/infer-endpoints.ts';
import { followRollouts } from './versions/rollout-follower.ts';
import { RunnerArtifacts } from './versions/runner-artifacts.ts';
import { ServedModels } from './versions/served-models.ts';

/** Well within the confirmation timeout. */
const TICK_MS = 250;
const STATUS_MS = 1000;

interface Part {
  stop(): Promise<void>;
}

await runService({ name: 'gpu-runner', start });

async function start(context: ServiceContext): Promise<RunningService> {
  const { bus, config, dataDir, log } = context;
  const { roles } = config.runner;
  const cache = await RunnerArtifacts.open(openArtifacts(bus), join(dataDir, 'artifacts'), (reason) =>
    log.warn({ reason }, 'the cache of artifacts could not be cleared'),
  );
  let tellSoon = (): void => {};
  const serving = roles.includes('serve') ? await startServing(context, cache, () => tellSoon()) : undefined;
  const evaluating = roles.includes('evaluate') ? startEvaluating(context, cache) : undefined;
  const status = startStatus(context, serving?.models);
  tellSoon = status.tellSoon;
  const parts: (Part | undefined)[] = [status, evaluating, serving];
  return {
    async stop() {
      for (const part of parts) await part?.stop();
    },
  };
}

/** @param onChange called when a model appears or goes, or a version's state changes */
async function startServing(
  context: ServiceContext,
  cache: RunnerArtifacts,
  onChange: () => void,
): Promise<Part & { models: ServedModels }> {
  const { bus, journal, config, instance, log, health, http } = context;
  const publisher = new WindowPublisher(
    (window, msgId) => publishTelemetry(bus, subjects.telemetry(window.model, window.version), window, { msgId }),
    (reason, dropped) => log.warn({ reason, dropped }, 'telemetry windows wait for NATS'),
  );
  const models = new ServedModels({
    runner: instance,
    ...config.runner,
    desiredConfirmationTimeoutMs: config.limits.desiredConfirmationTimeoutMs,
    loadTimeoutMs: config.limits.readyTimeoutSeconds * 1000,
    fetchDirectory: cache.fetchDirectory,
    onWindows: (windows) => publisher.add(windows),
    onClockSetBack: (model, bySeconds) =>
      log.warn({ model, bySeconds }, 'the clock was set back: the telemetry begins another series'),
    onChange() {
      endpoints.reconcile();
      onChange();
    },
  });
  cache.addUser(() => models.inUse);
  const api = serveApi(bus, { name: 'gpu-runner', version: '0.1.0', description: `inference on ${instance}` });
  const endpoints = new InferEndpoints(api, models);
  const rollbackTests = new RollbackTests({
    runner: instance,
    journal,
    drainTimeoutMs: config.runner.requestTimeoutMs,
    router: (model) => models.router(model),
  });
  api.endpoint('rollback-test', subjects.runnerRollbackTest(instance), ({ body }) => rollbackTests.handle(body));
  await serveOpenInference(http, models);

  const confirmations = bus.subscribeCore(subjects.desiredAll, (message) => {
    try {
      models.hear(desiredConfirmation.parse(message.json()));
    } catch (error) {
      log.warn({ subject: message.subject, reason: messageOf(error) }, 'a confirmation cannot be read');
    }
  });
  const follower = followRollouts({
    journal,
    onStates: (states) => {
      models.apply(states);
      cache.evict();
    },
    onUnread: (model, reason) => {
      models.haltModel(model, reason);
      log.error({ model, reason }, 'this version cannot read the rollout: stable only until it is upgraded');
    },
    onHalt: (reason, err) => {
      models.halt(reason);
      log.error({ err }, 'the journal cannot be followed any more: stable only from here on');
    },
  });
  const isReceiving = receiving(bus, follower);
  health.register('rollouts', () =>
    models.halted === undefined
      ? isReceiving()
      : { ok: true, ready: follower.caughtUp, detail: `halted: ${models.halted}` },
  );
  health.register('models', () => ({ ok: true, ready: models.ready, detail: models.detail }));
  const tick = setInterval(() => models.tick(), TICK_MS);
  const roll = setInterval(() => models.rollWindows(), config.pace.windowSeconds * 1000);
  return {
    models,
    async stop() {
      clearInterval(tick);
      clearInterval(roll);
      confirmations.unsubscribe();
      await api.stop();
      await follower.stop();
      await models.stop();
      await publisher.stop();
    },
  };
}

function startEvaluating(context: ServiceContext, cache: RunnerArtifacts): Part {
  const { bus, journal, config, instance, log, health } = context;
  const { fetchDirectory } = cache;
  const evaluations = new OfflineEvaluations({ runner: instance, journal, config: config.runner, fetchDirectory });
  cache.addUser(() => evaluations.inUse);
  const consumer: WorkConsumer = openWorkQueue(bus).consume({
    name: 'gpu-runner',
    filter: subjects.workEvaluation,
    concurrency: 1,
    ackWaitMs: config.limits.ackWaitMs,
    maxDeliver: config.limits.maxDeliveries,
    by: instance,
    handler: (job) => evaluations.handle(job).finally(() => cache.evict()),
    onDead: async (job, reason) => {
      log.error({ err: reason }, 'an evaluation was given up');
      await evaluations.giveUp(job, reason);
    },
  });
  health.register('evaluations', receiving(bus, consumer));
  return { stop: () => consumer.stop({ graceMs: 0 }) };
}

/** Tells every second, and when something changes, who this runner is and what it serves. */
function startStatus(context: ServiceContext, models: ServedModels | undefined): Part & { tellSoon(): void } {
  const { bus, config, instance, httpPort, log } = context;
  const membership = openMembership(bus);
  const url = process.env.CONCLAVE_RUNNER_URL ?? `http://127.0.0.1:${httpPort}`;
  const startedAt = new Date().toISOString();
  let putting: Promise<void> | undefined;
  let isStale = false;
  let stopped = false;
  const put = async (): Promise<void> => {
    const status: RunnerStatus = runnerStatus.parse({
      runner: instance,
      roles: config.runner.roles,
      at: new Date().toISOString(),
      startedAt,
      url,
      models: models?.status() ?? [],
    });
    await membership.put(instance, status).catch((error: unknown) => {
      log.warn({ reason: messageOf(error) }, 'the status could not be stored');
    });
  };
  const tellSoon = (): void => {
    isStale = putting !== undefined;
    if (stopped) return;
    putting ??= put().finally(() => {
      putting = undefined;
      if (isStale) tellSoon();
    });
  };
  const timer = setInterval(tellSoon, STATUS_MS);
  return {
    tellSoon,
    async stop() {
      stopped = true;
      clearInterval(timer);
      await putting;
      await membership.delete(instance).catch(() => {});
    },
  };
}

import { type ConclaveError, isConclaveError, modelName, versionName } from '@conclave/contracts';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { inputOf } from '../retrieval/query-encoder.ts';
import type { Router } from '../routing/router.ts';
import type { Role } from '../telemetry/windows.ts';
import { inferenceResponse, parseInference } from './inference.ts';

const modelParams = z.object({ model: modelName });
const versionParams = modelParams.extend({ version: versionName });
const clientKeyHeader = z.string().min(1).max(500).optional();
const ROLES: readonly Role[] = ['stable', 'candidate'];

/** What the endpoint needs to know of the runner. */
export interface InferenceBackend {
  /** False while a model of this runner has no stable version that can answer. */
  readonly ready: boolean;
  readonly models: readonly string[];
  /** @throws CVE_MODEL_UNKNOWN */
  router(model: string): Router;
}

/**
 * The Open Inference Protocol v2 (https://kserve.github.io/website/docs/concepts/architecture/data-plane/v2-protocol) under
 * `/v2`. Errors are `{"error": "CVE_…: …"}` with 400 (request), 404 (model or version), 429 (overloaded) or 503 (not ready, failed).
 */
export async function serveOpenInference(http: FastifyInstance, backend: InferenceBackend): Promise<void> {
  await http.register(
    async (v2) => {
      v2.setErrorHandler(answerError);
      // Whatever a client calls it (curl -d says that it is a form), a body is JSON.
      v2.addContentTypeParser('*', { parseAs: 'string' }, v2.getDefaultJsonParser('error', 'error'));
      v2.setNotFoundHandler(async (request, reply) => {
        await reply.code(404).send({ error: `CVE_REQUEST_INVALID: there is no ${request.method} ${request.url}` });
      });
      serveServer(v2, backend);
      serveModels(v2, backend);
      serveInference(v2, backend);
    },
    { prefix: '/v2' },
  );
}

function serveServer(v2: FastifyInstance, backend: InferenceBackend): void {
  v2.get('/', async () => ({ name: 'conclave-gpu-runner', version: '0.1.0', extensions: ['client_key'] }));
  v2.get('/health/live', async () => ({ live: true }));
  v2.get(
    '/health/ready',
    async (_request, reply) => await reply.code(backend.ready ? 200 : 503).send({ ready: backend.ready }),
  );
}

function serveModels(v2: FastifyInstance, backend: InferenceBackend): void {
  v2.get('/models/:model', async (request) => {
    const { model } = modelParams.parse(request.params);
    return metadataOf(model, backend.router(model), 'stable');
  });
  v2.get('/models/:model/ready', async (request, reply) => {
    const { model } = modelParams.parse(request.params);
    return await answerReady(reply, backend.router(model), 'stable', model);
  });
  v2.get('/models/:model/versions/:version', async (request) => {
    const { model, version } = versionParams.parse(request.params);
    const router = backend.router(model);
    return metadataOf(model, router, router.roleOf(version));
  });
  v2.get('/models/:model/versions/:version/ready', async (request, reply) => {
    const { model, version } = versionParams.parse(request.params);
    const router = backend.router(model);
    return await answerReady(reply, router, router.roleOf(version), model);
  });
}

function serveInference(v2: FastifyInstance, backend: InferenceBackend): void {
  v2.post('/models/:model/infer', async (request, reply) => {
    const { model } = modelParams.parse(request.params);
    const router = backend.router(model);
    const inference = parseInference(request.body, clientKeyOf(request));
    const routed = await router.search(inference);
    return await reply
      .header('x-conclave-version', routed.version)
      .send(inferenceResponse(model, inference.id, routed));
  });
  v2.post('/models/:model/versions/:version/infer', async (request, reply) => {
    const { model, version } = versionParams.parse(request.params);
    const router = backend.router(model);
    const inference = parseInference(request.body, clientKeyOf(request));
    const routed = await router.searchVersion(version, inference);
    return await reply
      .header('x-conclave-version', routed.version)
      .send(inferenceResponse(model, inference.id, routed));
  });
}

function clientKeyOf(request: FastifyRequest): string | undefined {
  return clientKeyHeader.parse(request.headers['x-client-key']);
}

async function answerReady(reply: FastifyReply, router: Router, role: Role, name: string): Promise<FastifyReply> {
  const ready = router.target(role)?.state === 'ready';
  return await reply.code(ready ? 200 : 503).send({ name, ready });
}

function metadataOf(model: string, router: Router, role: Role) {
  const { desired } = router;
  const form = router.target(role)?.form;
  const query = inputOf(form ?? { kind: 'text' });
  return {
    name: model,
    versions: ROLES.map((one) => desired[one]?.version).filter((version) => version !== undefined),
    platform: 'onnxruntime',
    inputs: [{ name: 'query', ...query }],
    outputs: [
      { name: 'ids', datatype: 'BYTES', shape: [-1, -1] },
      { name: 'scores', datatype: 'FP32', shape: [-1, -1] },
    ],
  };
}

async function answerError(
  error: FastifyError | ConclaveError | z.ZodError,
  _request: FastifyRequest,
  reply: FastifyReply,
) {
  if (isConclaveError(error)) {
    if (error.retryAfterMs !== undefined) void reply.header('retry-after', Math.ceil(error.retryAfterMs / 1000));
    return await reply.code(statusOf(error)).send({ error: error.message });
  }
  if (error instanceof z.ZodError)
    return await reply.code(400).send({ error: `CVE_INFER_INVALID: ${z.prettifyError(error)}` });
  const status = error.statusCode ?? 500;
  if (status < 500) return await reply.code(status).send({ error: `CVE_INFER_INVALID: ${error.message}` });
  return await reply
    .code(500)
    .send({ error: 'CVE_INFER_FAILED: the request failed unexpectedly; see the log of the runner' });
}

function statusOf(error: ConclaveError): number {
  switch (error.code) {
    case 'CVE_INFER_INVALID':
    case 'CVE_NAME_INVALID':
      return 400;
    case 'CVE_MODEL_UNKNOWN':
      return 404;
    case 'CVE_INFER_OVERLOADED':
      return 429;
    default:
      return 503;
  }
}

import type { Journal } from '@conclave/bus';
import { aggregates, entryOf } from '@conclave/contracts';
import { knownModels } from '@conclave/core';
import type { FastifyInstance } from 'fastify';
import { readable } from '../journal/readable.ts';
import type { Observed } from '../observed.ts';
import { actionDetail, actionViews } from '../views/action.ts';
import { byOpening, meetingSummary, meetingTranscript } from '../views/meeting.ts';
import { rolloutView } from '../views/rollout.ts';
import { rolloutViews, worldView } from '../views/world.ts';
import { problem, unknown } from './problem.ts';

/** The query API. Reads only; every answer is JSON, and a name that does not exist is answered with those that do. */
export function registerApi(http: FastifyInstance, observed: Observed, journal: Journal): void {
  const { mirror, telemetry } = observed;
  const models = (): string[] => knownModels(mirror.world).map(({ model }) => model);

  http.get('/api/world', () => worldView(observed));
  http.get('/api/rollouts', () => rolloutViews(observed));
  http.get('/api/meetings', () => Object.values(mirror.world.meetings).sort(byOpening).map(meetingSummary));
  http.get('/api/actions', () => actionViews(mirror.world));

  http.get<{ Params: { model: string } }>('/api/rollouts/:model', (request, reply) => {
    const state = entryOf(mirror.world.rollouts, request.params.model);
    if (state !== undefined) return rolloutView(observed, state);
    return reply.code(404).send(unknown('CVE_ROLLOUT_UNKNOWN', 'rollout of', request.params.model, models()));
  });

  http.get<{ Params: { id: string } }>('/api/meetings/:id', (request, reply) => {
    const meeting = entryOf(mirror.world.meetings, request.params.id);
    if (meeting !== undefined) return meetingTranscript(meeting);
    const known = Object.values(mirror.world.meetings)
      .sort(byOpening)
      .map((m) => m.meetingId);
    return reply.code(404).send(unknown('CVE_REQUEST_INVALID', 'meeting', request.params.id, known));
  });

  http.get<{ Params: { id: string } }>('/api/actions/:id', (request, reply) => {
    const action = entryOf(mirror.world.schedule.actions, request.params.id);
    if (action !== undefined) return actionDetail(action, mirror.world.actions[action.actionId]);
    const known = actionViews(mirror.world).map((a) => a.actionId);
    return reply.code(404).send(unknown('CVE_REQUEST_INVALID', 'action', request.params.id, known));
  });

  http.get<{ Params: { model: string } }>('/api/telemetry/:model', (request, reply) => {
    const { model } = request.params;
    const known = [...new Set([...models(), ...telemetry.models()])];
    if (!known.includes(model)) return reply.code(404).send(unknown('CVE_MODEL_UNKNOWN', 'model', model, known));
    return { model, keptSeconds: telemetry.keptMs / 1000, series: telemetry.series(model, observed.now()) };
  });

  http.get<{ Params: { model: string } }>('/api/history/:model', async (request, reply) => {
    const { model } = request.params;
    if (entryOf(mirror.world.rollouts, model) === undefined)
      return reply.code(404).send(unknown('CVE_ROLLOUT_UNKNOWN', 'rollout of', model, models()));
    const commits = await journal.read(aggregates.rollouts(model));
    return { model, commits: commits.map(readable) };
  });

  http.setNotFoundHandler((request, reply) =>
    reply
      .code(404)
      .send(
        problem(
          'CVE_REQUEST_INVALID',
          `nothing is at ${request.method} ${request.url}; GET /api/world, /api/rollouts, /api/meetings, /api/actions, /api/telemetry/<model>, /api/history/<model>, /api/events or /metrics`,
        ),
      ),
  );
}

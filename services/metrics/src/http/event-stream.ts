import type { ServerResponse } from 'node:http';
import type { Journal } from '@conclave/bus';
import { subjects } from '@conclave/contracts';
import type { FastifyInstance } from 'fastify';
import { type ReadableCommit, readable } from '../journal/readable.ts';
import type { Observed } from '../observed.ts';
import { problem } from './problem.ts';

/*
 * `GET /api/events`: Server-Sent Events.
 * 1. `commit` events carry the journal sequence as their id; a client that comes back with `Last-Event-ID` gets every commit after it,
 *    from memory while that reaches back far enough, else from the journal itself. No gap, no repetition.
 * 2. `telemetry` events have no id, so they never move the place to resume at. They come whether anything happened or not: a client that
 *    hears nothing has lost its connection.
 * 3. A client that does not read is cut off, and resumes.
 */

export interface EventsOptions {
  /** Milliseconds between two telemetry summaries. Default 2000. */
  readonly telemetryEveryMs?: number;
}

const FIRST_COMMITS = 60;
const MOST_UNSENT_BYTES = 4 * 1024 * 1024;

export function registerEvents(
  http: FastifyInstance,
  observed: Observed,
  journal: Journal,
  options: EventsOptions = {},
): { stop(): void } {
  const clients = new Set<ServerResponse>();
  const beat = setInterval(() => {
    const summary = JSON.stringify(telemetrySummary(observed));
    for (const client of clients) write(client, `event: telemetry\ndata: ${summary}\n\n`);
  }, options.telemetryEveryMs ?? 2000);
  beat.unref();

  http.get<{ Querystring: { recent?: string } }>('/api/events', (request, reply) => {
    const given = request.headers['last-event-id'];
    const after = given === undefined ? undefined : Number(given);
    if (after !== undefined && (!Number.isSafeInteger(after) || after < 0))
      return reply
        .code(400)
        .send(
          problem(
            'CVE_REQUEST_INVALID',
            `Last-Event-ID is "${given}"; give the id of an event, a journal sequence, or leave it out`,
          ),
        );
    const recent = Math.min(2000, Math.max(0, Number(request.query.recent ?? FIRST_COMMITS) || 0));
    reply.hijack();
    const client = reply.raw;
    client.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    write(client, 'retry: 2000\n\n');
    const stop = sendCommits(client, observed, journal, after, recent);
    clients.add(client);
    client.on('close', () => {
      clients.delete(client);
      stop();
    });
  });
  return {
    stop() {
      clearInterval(beat);
      for (const client of clients) client.end();
    },
  };
}

/** @returns what stops the sending. */
function sendCommits(
  client: ServerResponse,
  { mirror }: Observed,
  journal: Journal,
  after: number | undefined,
  recent: number,
): () => void {
  const send = (commit: ReadableCommit): void =>
    write(client, `id: ${commit.seq}\nevent: commit\ndata: ${JSON.stringify(commit)}\n\n`);
  const from = Math.max(1, after === undefined ? mirror.world.seq - recent + 1 : after + 1);
  if (from < mirror.firstSeq) {
    const follower = journal.follow({
      filters: [subjects.journalAll],
      fromSeq: from,
      onCommit: (commit) => send(readable(commit)),
      onError: () => client.destroy(),
    });
    return () => void follower.stop();
  }
  for (const commit of mirror.from(from)) send(commit);
  return mirror.onCommit(send);
}

function telemetrySummary({ telemetry, runners, mirror, now }: Observed): unknown {
  const at = now();
  return {
    at: at.toISOString(),
    seq: mirror.world.seq,
    runners: runners.present.length,
    models: telemetry.models().map((model) => ({
      model,
      versions: telemetry
        .series(model, at)
        .map(({ points, ...totals }) => ({ ...totals, latest: points.at(-1) ?? null })),
    })),
  };
}

function write(client: ServerResponse, text: string): void {
  if (client.destroyed) return;
  client.write(text);
  if (client.writableLength > MOST_UNSENT_BYTES) client.destroy();
}

import { ARTIFACT_STORE, BUCKETS, STREAMS, subjects } from '@conclave/contracts';
import { HANDBACKS, handbacksOf } from './handbacks.ts';
import type { SeatedService } from './membership.ts';

/** Durable of the executor's second queue, which nothing but rollbacks goes through. */
export const ROLLBACK_CONSUMER = 'executor-rollback';

export type NatsUser = 'coordinator' | 'planner' | 'executor' | 'gpu-runner' | 'metrics' | 'operator' | 'publisher';

export interface NatsPermissions {
  readonly publish: { readonly allow: string[] };
  readonly subscribe: { readonly allow: string[] };
  /** A service may answer whoever asked it, on the reply subject of the request only. */
  readonly allow_responses?: boolean;
}

const OBJECTS = `OBJ_${ARTIFACT_STORE}`;
const kv = (bucket: string): string => `KV_${bucket}`;
const ALL_STREAMS = [...Object.values(STREAMS), ...[...Object.values(BUCKETS), HANDBACKS].map(kv), OBJECTS];

const inbox = (user: NatsUser): string => `_INBOX_${user}.>`;
const journalKind = (kind: 'rollouts' | 'meetings' | 'actions' | 'evaluations' | 'incidents' | 'models'): string =>
  subjects.journalKind(kind);

/** Everybody waits for the topology. */
const topologyInfo = ALL_STREAMS.map((stream) => `$JS.API.STREAM.INFO.${stream}`);

/** Reading a stream with a temporary consumer. */
const read = (stream: string): string[] => [
  `$JS.API.STREAM.MSG.GET.${stream}`,
  `$JS.API.DIRECT.GET.${stream}`,
  `$JS.API.DIRECT.GET.${stream}.>`,
  `$JS.API.CONSUMER.CREATE.${stream}.>`,
  `$JS.API.CONSUMER.INFO.${stream}.*`,
  `$JS.API.CONSUMER.MSG.NEXT.${stream}.*`,
  `$JS.API.CONSUMER.DELETE.${stream}.*`,
];

/**
 * Working off a queue. The durable's name begins with the user's, and the filter is part of the creating subject: nobody can consume
 * another's work, nor (with a push consumer on a subject of its own choice) turn work it may publish into something it may not.
 */
const work = (stream: string, durable: NatsUser | typeof ROLLBACK_CONSUMER | '*', filter: string): string[] => [
  `$JS.API.CONSUMER.CREATE.${stream}.${durable}.${filter}`,
  `$JS.API.CONSUMER.INFO.${stream}.${durable}`,
  `$JS.API.CONSUMER.MSG.NEXT.${stream}.${durable}`,
  `$JS.ACK.${stream}.${durable}.>`,
  `$JS.ACK.*.*.${stream}.${durable}.>`,
  durable === '*' ? `$KV.${HANDBACKS}.>` : handbacksOf(durable),
  `$JS.API.STREAM.MSG.GET.${kv(HANDBACKS)}`,
];

const deadLetters = subjects.dlqAll;
const loadSnapshots = `$JS.API.STREAM.MSG.GET.${kv(BUCKETS.snapshots)}`;
const writeArtifacts = [`$O.${ARTIFACT_STORE}.>`, `$JS.API.STREAM.MSG.GET.${OBJECTS}`];
/** Who sits in the chairs of a service, said by that service alone. */
const reportSeats = (service: SeatedService): string => `$KV.${BUCKETS.seats}.${service}.>`;
const submit = [subjects.handoff, subjects.incident, subjects.insight];
const serve = ['$SRV.>'];
const api = 'conclave.api.>';
const infer = 'conclave.infer.>';
const WORK = {
  meeting: subjects.workMeeting,
  actions: 'conclave.work.action.>',
  rollbacks: 'conclave.work.rollback.>',
  evaluation: subjects.workEvaluation,
};

/** The permissions of each NATS user. Used by the embedded server and by the Helm chart alike. */
export function natsUsers(): Record<NatsUser, { permissions: NatsPermissions }> {
  const user = (
    name: NatsUser,
    publish: string[],
    subscribe: string[] = [],
    responses = false,
  ): { permissions: NatsPermissions } => ({
    permissions: {
      publish: { allow: [...new Set([...topologyInfo, ...publish])] },
      subscribe: { allow: [...new Set([inbox(name), ...subscribe])] },
      ...(responses ? { allow_responses: true } : {}),
    },
  });
  // Taking from a queue is not reading: of the queues only their state and, by sequence, their messages.
  const queues: readonly string[] = [STREAMS.work, STREAMS.inbox];
  const readAll = [
    ...ALL_STREAMS.filter((stream) => !queues.includes(stream)).flatMap(read),
    ...queues.flatMap((stream) => [
      `$JS.API.DIRECT.GET.${stream}`,
      `$JS.API.CONSUMER.INFO.${stream}.*`,
      `$JS.API.CONSUMER.LIST.${stream}`,
    ]),
    '$SRV.>',
  ];
  return {
    coordinator: user(
      'coordinator',
      [
        '$JS.API.INFO',
        ...ALL_STREAMS.flatMap((stream) => [`$JS.API.STREAM.CREATE.${stream}`, `$JS.API.STREAM.UPDATE.${stream}`]),
        ...ALL_STREAMS.flatMap(read),
        subjects.journal({ kind: 'schedule', id: '' }),
        subjects.journal({ kind: 'roadmap', id: '' }),
        ...(['rollouts', 'incidents', 'models'] as const).map(journalKind),
        ...submit,
        WORK.meeting,
        WORK.actions,
        WORK.rollbacks,
        WORK.evaluation,
        // The inbox has no other consumer, so the durable's name is free; several filters go without one in the subject.
        ...work(STREAMS.inbox, '*', '>'),
        `$JS.API.CONSUMER.CREATE.${STREAMS.inbox}.*`,
        `$KV.${BUCKETS.leases}.>`,
        // The coordinator starts from its snapshot: whoever may write one decides what it believes.
        `$KV.${BUCKETS.snapshots}.>`,
        ...writeArtifacts,
        subjects.desiredAll,
        subjects.gatesAll,
        deadLetters,
        api,
      ],
      [api, ...serve],
      true,
    ),
    planner: user(
      'planner',
      [
        journalKind('meetings'),
        reportSeats('planner'),
        ...read(STREAMS.journal),
        ...read(STREAMS.telemetry),
        ...work(STREAMS.work, 'planner', WORK.meeting),
        subjects.handoff,
        loadSnapshots,
        deadLetters,
        'conclave.api.status',
      ],
      serve,
      true,
    ),
    executor: user(
      'executor',
      [
        journalKind('actions'),
        reportSeats('executor'),
        ...read(STREAMS.journal),
        ...read(STREAMS.telemetry),
        ...read(kv(BUCKETS.runners)),
        ...work(STREAMS.work, 'executor', WORK.actions),
        ...work(STREAMS.work, ROLLBACK_CONSUMER, WORK.rollbacks),
        WORK.evaluation,
        subjects.incident,
        subjects.insight,
        loadSnapshots,
        ...read(OBJECTS),
        ...writeArtifacts,
        deadLetters,
        api,
        infer,
        '$SRV.>',
      ],
      serve,
      true,
    ),
    'gpu-runner': user(
      'gpu-runner',
      [
        journalKind('evaluations'),
        ...read(STREAMS.journal),
        ...work(STREAMS.work, 'gpu-runner', WORK.evaluation),
        subjects.telemetryAll,
        // Whether a message id of its own was used by itself.
        `$JS.API.STREAM.MSG.GET.${STREAMS.telemetry}`,
        `$KV.${BUCKETS.runners}.>`,
        ...read(kv(BUCKETS.runners)),
        ...read(OBJECTS),
        deadLetters,
      ],
      [subjects.desiredAll, infer, 'conclave.api.runner.rollback_test.*', ...serve],
      true,
    ),
    metrics: user('metrics', [...readAll, loadSnapshots], [subjects.gatesAll, ...serve], true),
    operator: user(
      'operator',
      [
        ...read(STREAMS.journal),
        loadSnapshots,
        ...read(STREAMS.dlq),
        ...read(STREAMS.telemetry),
        ...read(kv(BUCKETS.runners)),
        ...read(kv(BUCKETS.seats)),
        ...read(OBJECTS),
        ...writeArtifacts,
        ...submit,
        api,
        infer,
        '$SRV.>',
      ],
      // What happens may be watched live with any client.
      [subjects.journalAll, subjects.telemetryAll, subjects.dlqAll, subjects.gatesAll],
    ),
    publisher: {
      permissions: {
        publish: { allow: [...submit, infer] },
        subscribe: { allow: [inbox('publisher'), '_INBOX.>'] },
      },
    },
  };
}

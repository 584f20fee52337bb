import { ConclaveError } from './errors.ts';
import { decodeToken, encodeToken } from './names.ts';
import { brief } from './zod-message.ts';

/** Names of streams, buckets and subjects. The only module that builds or parses a subject. */
export const STREAMS = {
  journal: 'CONCLAVE_JOURNAL',
  inbox: 'CONCLAVE_INBOX',
  work: 'CONCLAVE_WORK',
  telemetry: 'CONCLAVE_TELEMETRY',
  dlq: 'CONCLAVE_DLQ',
} as const;

export const BUCKETS = {
  leases: 'conclave-leases',
  runners: 'conclave-runners',
  seats: 'conclave-seats',
  snapshots: 'conclave-snapshots',
} as const;

export const ARTIFACT_STORE = 'conclave-artifacts';

/** Kinds of aggregates; each has one writing service (DESIGN.md section 2). */
export const AGGREGATE_KINDS = [
  'schedule',
  'rollouts',
  'meetings',
  'actions',
  'evaluations',
  'incidents',
  'models',
  'roadmap',
] as const;
export type AggregateKind = (typeof AGGREGATE_KINDS)[number];
const SINGLETONS: ReadonlySet<AggregateKind> = new Set(['schedule', 'roadmap']);

/** One aggregate: its kind and, unless it is a singleton, its id (not encoded). */
export interface Aggregate<K extends AggregateKind = AggregateKind> {
  readonly kind: K;
  readonly id: string;
}

export const aggregates = {
  schedule: { kind: 'schedule', id: '' },
  roadmap: { kind: 'roadmap', id: '' },
  rollouts: (model: string): Aggregate<'rollouts'> => ({ kind: 'rollouts', id: model }),
  meeting: (id: string): Aggregate<'meetings'> => ({ kind: 'meetings', id }),
  action: (id: string): Aggregate<'actions'> => ({ kind: 'actions', id }),
  evaluation: (id: string): Aggregate<'evaluations'> => ({ kind: 'evaluations', id }),
  incident: (id: string): Aggregate<'incidents'> => ({ kind: 'incidents', id }),
  model: (model: string): Aggregate<'models'> => ({ kind: 'models', id: model }),
} as const;

const JOURNAL = 'conclave.journal';

export const subjects = {
  /** `conclave.journal.<kind>[.<id>]` */
  journal: (aggregate: Aggregate): string =>
    aggregate.id === '' ? `${JOURNAL}.${aggregate.kind}` : `${JOURNAL}.${aggregate.kind}.${encodeToken(aggregate.id)}`,
  journalAll: `${JOURNAL}.>`,
  /** Filter for all aggregates of a kind. */
  journalKind: (kind: AggregateKind): string => (SINGLETONS.has(kind) ? `${JOURNAL}.${kind}` : `${JOURNAL}.${kind}.*`),

  handoff: 'conclave.handoff',
  incident: 'conclave.incident',
  insight: 'conclave.insight',

  workMeeting: 'conclave.work.meeting',
  workAction: (owner: string): string => `conclave.work.action.${encodeToken(owner)}`,
  workActionAll: 'conclave.work.action.*',
  /** Actions that roll back, apart from all others so that they never wait behind them. */
  workRollback: (owner: string): string => `conclave.work.rollback.${encodeToken(owner)}`,
  workRollbackAll: 'conclave.work.rollback.*',
  workEvaluation: 'conclave.work.evaluation',

  telemetry: (model: string, version: string): string =>
    `conclave.telemetry.${encodeToken(model)}.${encodeToken(version)}`,
  telemetryAll: 'conclave.telemetry.>',

  /** `conclave.dlq.<original subject>`: the original bytes, the reason in headers. */
  dlq: (original: string): string => `conclave.dlq.${original}`,
  dlqAll: 'conclave.dlq.>',

  api: (verb: string): string => `conclave.api.${verb}`,
  /** Answered by one serving runner only: its rollback test. */
  runnerRollbackTest: (runner: string): string => `conclave.api.runner.rollback_test.${encodeToken(runner)}`,
  infer: (model: string): string => `conclave.infer.${encodeToken(model)}`,
  /** Core NATS, once a second: the leader confirms the last rollout sequence it knows. */
  desired: (model: string): string => `conclave.desired.${encodeToken(model)}`,
  desiredAll: 'conclave.desired.*',
  /** Core NATS, once a second while a rollout is open: how the leader judges its gates now. */
  gates: (model: string): string => `conclave.gates.${encodeToken(model)}`,
  gatesAll: 'conclave.gates.*',
} as const;

/** The aggregate a journal subject names. @throws CVE_NAME_INVALID for anything else. */
export function aggregateOf(subject: string): Aggregate {
  const [conclave, journal, kind, id, ...rest] = subject.split('.');
  const known = AGGREGATE_KINDS.find((k) => k === kind);
  const singleton = known !== undefined && SINGLETONS.has(known);
  if (
    conclave !== 'conclave' ||
    journal !== 'journal' ||
    known === undefined ||
    rest.length > 0 ||
    singleton !== (id === undefined)
  ) {
    throw new ConclaveError(
      'CVE_NAME_INVALID',
      `${brief(subject)} is not the subject of an aggregate; see contracts/subjects.ts`,
    );
  }
  return { kind: known, id: id === undefined ? '' : decodeToken(id) };
}

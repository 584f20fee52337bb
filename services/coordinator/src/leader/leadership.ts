import {
  type ApiService,
  type Bus,
  type Follower,
  type Journal,
  openWorkQueue,
  type WorkConsumer,
} from '@conclave/bus';
import { aggregates, ConclaveError, type DesiredConfirmation, type ScheduleEvent, subjects } from '@conclave/contracts';
import { rolloutsOf, unreadOf, type World } from '@conclave/core';
import type { Clock, Operators, WorldFollower, WorldWriter } from '@conclave/service';
import { serveLeaderApi } from '../api/leader-api.ts';
import type { CoordinatorOptions } from '../coordinator-options.ts';
import { type QuarantineBox, reportQuarantined } from '../incidents/quarantine-reports.ts';
import { unreadableReports } from '../incidents/unreadable-reports.ts';
import { rolloutEventOf } from '../rollout/rollout-event.ts';
import type { EvidenceFollower } from './evidence-follower.ts';
import { consumeInbox } from './inbox.ts';
import { partsTouched } from './parts-touched.ts';
import { type RolloutLoop, rolloutLoop } from './rollout-loop.ts';
import { scheduleLoop } from './schedule-loop.ts';
import type { Term } from './term.ts';
import { type Turns, takeTurns } from './turns.ts';
import { watchRunners } from './watch-runners.ts';
import { leaderWriter } from './writer.ts';

export interface LeadershipParts {
  readonly bus: Bus;
  readonly journal: Journal;
  readonly follower: WorldFollower;
  readonly evidence: EvidenceFollower;
  /** What was passed over beside the journal. */
  readonly quarantine: QuarantineBox;
  readonly clock: Clock;
  readonly options: CoordinatorOptions;
  readonly operators: Operators;
  readonly instance: string;
  newId(): string;
  readonly log: { info(fields: object, message: string): void; error(fields: object, message: string): void };
}

export interface Leadership {
  /** Receivers whose silence means that this leader is deaf. */
  readonly receivers: Readonly<Record<string, Follower | WorkConsumer>>;
  stop(): Promise<void>;
}

const CONFIRM_MS = 1000;
const REPORT_MS = 500;

/**
 * Leads for one term, until `stop`. First the epoch is written to `schedule` and to
 * every rollout, so that whatever an older leader still has in hand conflicts; only then does anything else start.
 * @throws CVE_FENCED when another took the epoch
 */
export async function lead(term: Term, parts: LeadershipParts): Promise<Leadership> {
  const undo = new AsyncDisposableStack();
  try {
    return await beginTerm(term, parts, undo);
  } catch (error) {
    await undo.disposeAsync();
    throw error;
  }
}

async function beginTerm(term: Term, parts: LeadershipParts, undo: AsyncDisposableStack): Promise<Leadership> {
  const { lease, epoch } = term;
  const { bus, journal, follower, clock, options, log, newId } = parts;
  const world = (): World => follower.world;
  const writer = leaderWriter(journal, follower, term);
  await writer.catchUp();
  await takeOver(epoch, writer, parts);
  // Before the telemetry is caught up with, which takes a while after a start without snapshot: until runners hear a leader they serve stable only.
  const confirming = setInterval(() => {
    if (lease.isHeld()) confirmDesired(bus, world(), parts.instance, epoch);
  }, CONFIRM_MS);
  undo.defer(() => clearInterval(confirming));

  let turns: Turns | undefined;
  const runners = await watchRunners(bus, {
    onChange: () => turns?.wake(['rollouts']),
    onQuarantined: (message) => parts.quarantine.add(message),
  });
  undo.defer(() => runners.stop());
  // Verdicts on a part of the evidence would look like changes and void the vote.
  await parts.evidence.catchUp();

  const queue = openWorkQueue(bus);
  const rollouts = rolloutLoop(writer, parts.evidence, runners.present, clock, newId, options, world);
  const schedule = scheduleLoop(writer, queue, clock, options, world);
  await schedule.recover();
  const telling = setInterval(() => {
    if (lease.isHeld()) tellGates(bus, world(), rollouts);
  }, CONFIRM_MS);
  undo.defer(() => clearInterval(telling));
  const reporting = onceAtATime(() =>
    reportQuarantined({ bus, writer, box: parts.quarantine, clock, by: parts.instance, world }),
  );
  const reports = setInterval(() => {
    if (lease.isHeld())
      reporting().catch((error: unknown) => log.error({ err: error }, 'what does not count is not reported yet'));
  }, REPORT_MS);
  undo.defer(() => clearInterval(reports));
  const unreadable = unreadableReports(writer, clock, world);
  const inbox = consumeInbox({ queue, writer, clock, unreadable, by: parts.instance, world });
  undo.defer(() => inbox.stop());
  const api: ApiService = serveLeaderApi({
    bus,
    writer,
    rollouts,
    runners: runners.present,
    unreadable,
    clock,
    options,
    operators: parts.operators,
    instance: parts.instance,
    newId,
    world,
  });
  undo.defer(() => api.stop());
  await api.ready();

  turns = takeTurns({
    clock,
    async turn(due) {
      if (!lease.isHeld()) return;
      if (due.has('rollouts')) await rollouts.tick();
      if (due.has('schedule') && (await schedule.tick())) turns?.wake(['schedule']);
    },
    onError: (error) => log.error({ err: error }, 'a turn of the leader failed; the next one follows'),
  });
  undo.defer(() => turns?.stop());
  undo.defer(follower.onCommit((commit) => turns?.wake(partsTouched(commit))));
  undo.defer(parts.evidence.onWindow(() => turns?.wakeSoon(['rollouts'])));
  turns.wake(['rollouts', 'schedule']);
  return { receivers: { inbox }, stop: () => undo.disposeAsync() };
}

/** The task, called anew only when its last run has ended. */
function onceAtATime(task: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => {
    running ??= task().finally(() => {
      running = undefined;
    });
    return running;
  };
}

/** Tells the runners which state of each rollout this leader stands by: not of one that it cannot read, which stable serves then. */
function confirmDesired(bus: Bus, world: World, leader: string, leaderEpoch: number): void {
  for (const [model, { seq }] of Object.entries(world.rollouts)) {
    if (unreadOf(world, aggregates.rollouts(model)) !== undefined) continue;
    const confirmation: DesiredConfirmation = { model, seq, leader, leaderEpoch };
    bus.publishCore(subjects.desired(model), JSON.stringify(confirmation));
  }
}

/** Tells whoever shows them how the gates stand now: the journal has their last transitions, with the counts of then. */
function tellGates(bus: Bus, world: World, rollouts: RolloutLoop): void {
  for (const model of Object.keys(world.rollouts)) {
    const live = rollouts.live(model);
    if (live !== undefined) bus.publishCore(subjects.gates(model), JSON.stringify(live));
  }
}

async function takeOver(
  epoch: number,
  writer: WorldWriter,
  { follower, clock, instance, newId }: LeadershipParts,
): Promise<void> {
  const at = clock.now();
  const elected: ScheduleEvent = {
    id: `schedule.leader_elected:${epoch}:${instance}`,
    type: 'schedule.leader_elected',
    at: at.toISOString(),
    data: { leader: instance, leaderEpoch: epoch },
  };
  await writer.commit(aggregates.schedule, ({ schedule: { leader, leaderEpoch } }) => {
    if (leaderEpoch < epoch) return [elected];
    if (leaderEpoch === epoch && leader === instance) return [];
    throw new ConclaveError(
      'CVE_FENCED',
      `${leader ?? 'nobody'} has taken epoch ${leaderEpoch}, so ${instance} cannot lead under ${epoch}; it tries the next`,
    );
  });
  for (const model of Object.keys({ ...follower.world.rollouts, ...follower.world.forgotten })) {
    const changed = rolloutEventOf({ now: at, newId }, 'rollout.leader_changed', {
      leader: instance,
      leaderEpoch: epoch,
    });
    // A rollout that this leader cannot read is fenced all the same: an older leader may not go on with it either.
    await writer.commit(
      aggregates.rollouts(model),
      (world) => (rolloutsOf(world, model).leaderEpoch >= epoch ? [] : [changed]),
      { evenUnread: true },
    );
  }
}

import { setTimeout as pause } from 'node:timers/promises';
import { type ApiService, type Bus, type Journal, serveApi } from '@conclave/bus';
import {
  aggregates,
  type RollbackAnswer,
  type RolloutEvent,
  type RunnerServing,
  type RunnerStatus,
  subjects,
} from '@conclave/contracts';
import {
  describeUnread,
  foldRollouts,
  initialRollouts,
  knownModels,
  openRollout,
  type RolloutsState,
  refuseUnread,
  rolloutUnknown,
  servingOf,
  type World,
} from '@conclave/core';
import { type Clock, type Operators, openAggregate, writeAggregate } from '@conclave/service';
import type { Facts } from '../facts.ts';
import { decideAbort, decideRevert } from '../rollout/abort.ts';
import { checkRequest } from './request.ts';

export interface ReplicaApiParts {
  readonly bus: Bus;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly operators: Operators;
  /** Name of this replica. */
  readonly instance: string;
  /** Soak of a stage whose definition names none. */
  readonly soakSeconds: number;
  newId(): string;
  world(): World;
  /** The runners that report themselves now. */
  runners(): readonly RunnerStatus[];
}

/** How long, in milliseconds, an answer waits for the runners to have heard. What was asked for is done by then. */
const HEARD_MS = 1000;
const HEARD_PAUSE_MS = 20;

/**
 * Verbs that every replica answers, leader or not: taking traffic back must never wait for an election. All replicas hear each request
 * and the first answer counts, so that none waits for a replica that stands still. Two that append the same abort make one commit,
 * because its event is named after the rollout.
 */
export function serveReplicaApi(parts: ReplicaApiParts): ApiService {
  const { bus, operators, instance } = parts;
  const api = serveApi(bus, {
    name: 'conclave-abort',
    version: '0.1.0',
    description: 'Takes traffic back to stable; answered by every coordinator replica',
    queue: instance,
  });
  api.endpoint('abort', subjects.api('abort'), async (request) => {
    const { body, operator = 'operator' } = checkRequest('abort', request, operators);
    return takeBack(parts, body, (state, facts) => decideAbort(state, operator, body.reason, facts));
  });
  api.endpoint('revert', subjects.api('revert'), async (request) => {
    const { body, operator = 'operator' } = checkRequest('revert', request, operators);
    return takeBack(parts, body, (state, facts) => decideRevert(state, operator, body.reason, facts));
  });
  api.endpoint('rollback', subjects.api('rollback'), async (request) => {
    const { body } = checkRequest('rollback', request, operators);
    return takeBack(parts, body, (state, facts) => decideAbort(state, body.requestedBy, body.reason, facts));
  });
  api.endpoint('status', subjects.api('status'), async (request) => {
    checkRequest('status', request, operators);
    return { ...statusOf(parts.world(), parts.runners()), soakSeconds: parts.soakSeconds };
  });
  return api;
}

/**
 * Appends without expectation what takes traffic back, after reading the rollout itself: this replica's own world may lag. The answer
 * says what holds afterwards, because something else may have come in between, such as the completion of the rollout. A request that
 * names a rollout and is read after another was applied, by a replica that stood still, does nothing.
 */
async function takeBack(
  { journal, clock, newId, world, runners }: ReplicaApiParts,
  { model, rolloutId }: { readonly model: string; readonly rolloutId?: string | undefined },
  decide: (state: RolloutsState, facts: Facts) => readonly RolloutEvent[],
): Promise<RollbackAnswer> {
  const own = await openAggregate(journal, aggregates.rollouts(model), {
    initial: initialRollouts(model),
    fold: foldRollouts,
    unread: 'pass_over',
  });
  if (own.state.stable === undefined && own.state.current === undefined)
    throw rolloutUnknown(
      model,
      knownModels(world()).map((known) => known.model),
    );
  const decideOnMeant = (state: RolloutsState): readonly RolloutEvent[] => {
    const isMeant = rolloutId === undefined || state.current?.rolloutId === rolloutId;
    const events = isMeant ? decide(state, { now: clock.now(), newId }) : [];
    // What is known is taken back whatever else there is; that nothing was open is no answer where something could not be read.
    if (events.length === 0) refuseUnread(own, own.aggregate);
    return events;
  };
  const options = { evenUnread: true, unconditionally: true };
  const events = await writeAggregate(journal, own).commit(decideOnMeant, options);
  const after = own.state;
  const isBack = events.length > 0 && after.current?.phase !== 'completed' && openRollout(after) === undefined;
  return {
    outcome: isBack ? 'rolled_back' : 'nothing_to_roll_back',
    rolloutId: after.current?.rolloutId ?? null,
    serving: after.stable?.version ?? null,
    runners: await heard(after, runners),
  };
}

/** How far the runners are, once they have heard: within a moment, or as they stand. */
async function heard(state: RolloutsState, runners: () => readonly RunnerStatus[]): Promise<RunnerServing[]> {
  const deadline = performance.now() + HEARD_MS;
  for (;;) {
    const there = servingOf(state, runners());
    if (there.every((one) => one.state !== 'behind') || performance.now() > deadline) return there;
    await pause(HEARD_PAUSE_MS);
  }
}

/** The state in a page. */
function statusOf(world: World, runners: readonly RunnerStatus[]): object {
  return {
    seq: world.seq,
    leader: world.schedule.leader ?? null,
    leaderEpoch: world.schedule.leaderEpoch,
    models: knownModels(world).map((state) => {
      const rollout = openRollout(state);
      return {
        model: state.model,
        stable: state.stable?.version ?? null,
        serving: servingOf(state, runners),
        rollout:
          rollout === undefined
            ? null
            : {
                rolloutId: rollout.rolloutId,
                version: rollout.definition.version,
                stage: rollout.stage ?? null,
                stageEpoch: rollout.stageEpoch,
                gates: Object.fromEntries(Object.values(rollout.verdicts).map((v) => [v.gate, v.outcome])),
              },
        holds: Object.values(state.holds),
      };
    }),
    unfinishedActions: Object.values(world.schedule.actions).filter((a) => a.state !== 'ended').length,
    unread: describeUnread(world, 'this coordinator'),
    openIncidents: Object.values(world.incidents).filter((i) => i.resolved === undefined).length,
  };
}

import { type ApiService, type Bus, deadLetter, serveApi } from '@conclave/bus';
import {
  type ApiRequest,
  type ApiVerb,
  type ApplyAnswer,
  aggregates,
  type ChangedAnswer,
  ConclaveError,
  type IncidentAnswer,
  type IncidentEvent,
  type LiveGates,
  type ModelEvent,
  parseHandoff,
  type RolloutEvent,
  type RunnerStatus,
  readIncident,
  subjects,
} from '@conclave/contracts';
import {
  awaitedOfPerson,
  datasetKey,
  gatesNow,
  holdSentences,
  missingNow,
  onRecordOf,
  openRollout,
  type RolloutsState,
  requireRollouts,
  rolloutsOf,
  servingOf,
  soakSecondsLeft,
  type World,
} from '@conclave/core';
import type { Clock, Operators } from '@conclave/service';
import { isUnreadable, modelNames, openIncident, takeInPlan } from '../leader/inbox.ts';
import type { CoordinatorOptions } from '../leader/options.ts';
import type { RolloutLoop } from '../leader/rollout-loop.ts';
import type { UnreadableReports } from '../leader/unreadable-reports.ts';
import type { LeaderWriter } from '../leader/writer.ts';
import { decideForget } from '../rollout/forget.ts';
import {
  decideAdopt,
  decideApply,
  decideApproval,
  decideOverride,
  decidePause,
  decideResume,
} from '../rollout/operate.ts';
import type { Facts } from '../rollout/rollout-event.ts';
import { callOnRequest } from '../schedule/call-on-request.ts';
import { checkRequest } from './request.ts';

export interface LeaderApiParts {
  readonly bus: Bus;
  readonly writer: LeaderWriter;
  readonly rollouts: RolloutLoop;
  /** The runners that report themselves now. */
  runners(): readonly RunnerStatus[];
  readonly unreadable: UnreadableReports;
  readonly clock: Clock;
  readonly options: CoordinatorOptions;
  readonly operators: Operators;
  /** Name of this replica. */
  readonly instance: string;
  newId(): string;
  world(): World;
}

/**
 * Verbs that only the leader answers, because they append by its fence. Each leader hears every request: one that stands still and does
 * not know that its term is over must not swallow what its successor is asked.
 */
export function serveLeaderApi(parts: LeaderApiParts): ApiService {
  const { bus, writer, clock, operators, instance, world, newId, options } = parts;
  const api = serveApi(bus, {
    name: 'conclave-coordinator',
    version: '0.1.0',
    description: 'Rollouts, registry and handoffs; answered by the leading coordinator',
    queue: instance,
  });
  const facts = (): Facts => ({ now: clock.now(), newId });

  const on = <V extends ApiVerb>(
    verb: V,
    handler: (body: ApiRequest<V>, operator: string) => Promise<unknown>,
  ): void => {
    api.endpoint(verb, subjects.api(verb), async (request) => {
      const { body, operator = 'service' } = checkRequest(verb, request, operators);
      return handler(body, operator);
    });
  };
  /** `begin`: also for a model of which nothing is on record yet. Every other verb is refused there, lest a typing error become a model. */
  const onRollout = async (
    model: string,
    decide: (state: RolloutsState, now: World) => RolloutEvent[],
    begin = false,
  ): Promise<ChangedAnswer> => {
    const stateIn = (now: World): RolloutsState => (begin ? rolloutsOf(now, model) : requireRollouts(now, model));
    const events = await writer.commit(aggregates.rollouts(model), (now) => decide(stateIn(now), now));
    const state = stateIn(world());
    return {
      changed: events.length > 0,
      rolloutId: state.current?.rolloutId ?? null,
      stable: state.stable?.version ?? null,
      isOpen: openRollout(state) !== undefined,
      holds: holdSentences(state, clock.now()),
      runners: servingOf(state, parts.runners()),
    };
  };

  on('deploy', (body) => parts.rollouts.deploy(body));
  on('handoff', (body) => takeInPlan(parseHandoff(body), writer, clock));
  on('explain', async ({ model }) => explain(parts, model));
  on('adopt', ({ model, ...request }, by) =>
    onRollout(model, (state, now) => decideAdopt(now, state, { ...request, by }, facts(), parts.runners()), true),
  );
  on('apply', async ({ definition, retry }, by) => {
    let detail = '';
    const answer = await onRollout(
      definition.spec.model,
      (state, now) => {
        const events = decideApply(now, state, definition, by, options.soakSeconds, facts(), retry, parts.runners());
        const standing = onRecordOf(now, state, definition);
        detail = standing.kind === 'serves' ? standing.sentence : '';
        return events;
      },
      true,
    );
    const outcome = answer.changed ? 'opened' : detail === '' ? 'unchanged' : 'nothing_to_do';
    return { ...answer, outcome, detail } satisfies ApplyAnswer;
  });
  on('forget', ({ model, reason }, by) =>
    onRollout(model, (state) => decideForget(state, reason, by, facts(), parts.runners()), true),
  );
  on('approve', ({ model, reason, verdicts }, by) =>
    onRollout(model, (state) => decideApproval(state, true, reason, by, facts(), verdicts)),
  );
  on('reject', ({ model, reason, verdicts }, by) =>
    onRollout(model, (state) => decideApproval(state, false, reason, by, facts(), verdicts)),
  );
  on('pause', ({ model, reason }, by) => onRollout(model, (state) => decidePause(state, reason, by, facts())));
  on('resume', ({ model, reason }, by) => onRollout(model, (state) => decideResume(state, reason, by, facts())));
  on('override', ({ model, gate, reason }, by) =>
    onRollout(model, (state) => decideOverride(state, gate, reason, by, facts())),
  );

  on('register_model', async ({ model, version, digest, description, bytes }, by) => {
    const event: ModelEvent = {
      id: newId(),
      type: 'model.registered',
      at: clock.now().toISOString(),
      data: { model, version, digest, description, bytes, by },
    };
    const events = await writer.commit(aggregates.model(model), (now) => {
      const known = now.registry[model]?.versions[version];
      if (known === undefined) return [event];
      if (known.digest === digest) return [];
      throw new ConclaveError(
        'CVE_MODEL_DIGEST_CONFLICT',
        `${model} ${version} is registered as ${known.digest} since ${known.at}, this bundle is ${digest}; a version never changes: push it as another version`,
      );
    });
    return { model, version, digest, changed: events.length > 0 };
  });
  on('register_dataset', async ({ name, digest, description, documents, queries, bytes }, by) => {
    const event: ModelEvent = {
      id: newId(),
      type: 'dataset.registered',
      at: clock.now().toISOString(),
      data: { name, digest, description, documents, queries, bytes, by },
    };
    const events = await writer.commit(aggregates.model(datasetKey(name)), (now) =>
      now.registry[datasetKey(name)]?.datasets.at(-1)?.digest === digest ? [] : [event],
    );
    return { name, digest, changed: events.length > 0 };
  });
  on('open_incident', (body) => reportIncident(parts, body));
  on('resolve_incident', async ({ incidentId, reason }, by) => {
    const event: IncidentEvent = {
      id: newId(),
      type: 'incident.resolved',
      at: clock.now().toISOString(),
      data: { incidentId, by, reason },
    };
    const events = await writer.commit(aggregates.incident(incidentId), (now) => {
      const incident = now.incidents[incidentId];
      if (incident !== undefined) return incident.resolved === undefined ? [event] : [];
      const open = Object.values(now.incidents).filter((i) => i.resolved === undefined);
      throw new ConclaveError(
        'CVE_REQUEST_INVALID',
        `there is no incident ${incidentId}; open ones: ${open.map((i) => i.incidentId).join(', ') || 'none'}`,
      );
    });
    return { incidentId, changed: events.length > 0 };
  });
  on('convene', async ({ reason }, by) => {
    const events = await writer.commit(aggregates.schedule, (now) =>
      callOnRequest(now, `${by}: ${reason}`, clock.now(), options),
    );
    // Its work goes out with the leader's next turn, as that of every meeting which nobody has opened.
    const [meeting] = world().schedule.meetings;
    return { called: events.length > 0, meetingId: meeting?.meetingId ?? null };
  });
  return api;
}

/** An incident by the API. What cannot be read holds as well; its sender hears so, and the original becomes a dead letter. */
async function reportIncident(
  { bus, writer, clock, unreadable, newId, world, instance }: LeaderApiParts,
  body: unknown,
): Promise<IncidentAnswer> {
  try {
    const { report, doubts } = readIncident(body, modelNames(world()));
    const incidentId = await openIncident(report, `incident-${newId()}`, writer, clock);
    return { incidentId, severity: report.severity, model: report.model ?? null, doubts: [...doubts] };
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    const incidentId = await unreadable.hold(error.message, newId());
    const bytes = new TextEncoder().encode(JSON.stringify(body));
    await deadLetter(bus, { subject: subjects.api('open_incident'), bytes, reason: error, by: instance });
    return { incidentId, severity: 'P0', model: null, doubts: [error.message] };
  }
}

/** Why a rollout stands where it stands. */
function explain({ world, clock, rollouts, runners }: LeaderApiParts, model: string): object {
  const state = requireRollouts(world(), model);
  const rollout = openRollout(state);
  const now = clock.now();
  const answer = {
    model,
    stable: state.stable ?? null,
    rollout: rollout ?? state.current ?? null,
    serving: servingOf(state, runners()),
    holds: Object.values(state.holds),
    holdSentences: holdSentences(state, now),
  };
  if (rollout === undefined)
    return { ...answer, verdicts: [], live: null, missing: [], waitsFor: [], soakSecondsLeft: null };
  const { rolloutId, stageEpoch } = rollout;
  const verdicts = [...rollouts.verdicts(model)];
  const live: LiveGates = {
    model,
    rolloutId,
    stageEpoch,
    at: now.toISOString(),
    verdicts,
    split: rollouts.split(model) ?? null,
  };
  return {
    ...answer,
    verdicts,
    live,
    missing: missingNow(state, rollout, gatesNow(rollout, live, now), now),
    waitsFor: awaitedOfPerson(state, rollout, now),
    soakSecondsLeft: soakSecondsLeft(rollout, now),
  };
}

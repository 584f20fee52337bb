import { type ApiService, type Bus, serveApi } from '@conclave/bus';
import {
  type ApiRequest,
  type ApiVerb,
  type ApplyAnswer,
  aggregates,
  type ChangedAnswer,
  parseHandoff,
  type RolloutEvent,
  type RunnerStatus,
  subjects,
} from '@conclave/contracts';
import {
  datasetKey,
  holdSentences,
  onRecordOf,
  openRollout,
  type RolloutsState,
  refuseUnread,
  requireRollouts,
  rolloutsOf,
  servingOf,
  type World,
} from '@conclave/core';
import type { Clock, Operators, WorldWriter } from '@conclave/service';
import type { CoordinatorOptions } from '../coordinator-options.ts';
import type { Facts } from '../facts.ts';
import { decideResolve } from '../incidents/resolve-incident.ts';
import { answerReport } from '../incidents/take-in-report.ts';
import type { UnreadableReports } from '../incidents/unreadable-reports.ts';
import { decideRegisterDataset, decideRegisterModel } from '../registry/register.ts';
import { decideAdopt } from '../rollout/adopt.ts';
import { decideApply } from '../rollout/apply.ts';
import { decideApproval } from '../rollout/approve.ts';
import { decideForget } from '../rollout/forget.ts';
import { decideOverride } from '../rollout/override.ts';
import { decidePause, decideResume } from '../rollout/pause.ts';
import { callOnRequest } from '../schedule/call-on-request.ts';
import { takeInPlan } from '../schedule/take-in-plan.ts';
import { explainRollout } from './explain-rollout.ts';
import { checkRequest } from './request.ts';
import type { RolloutDesk } from './rollout-desk.ts';

export interface LeaderApiParts {
  readonly bus: Bus;
  readonly writer: WorldWriter;
  readonly rollouts: RolloutDesk;
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
  on('explain', async ({ model }) => explainRollout(model, parts));
  on('adopt', ({ model, ...request }, by) =>
    onRollout(
      model,
      (state, now) => {
        refuseUnread(now, aggregates.model(model));
        return decideAdopt(now, state, { ...request, by }, facts(), parts.runners());
      },
      true,
    ),
  );
  on('apply', async ({ definition, retry }, by) => {
    let detail = '';
    const answer = await onRollout(
      definition.spec.model,
      (state, now) => {
        refuseUnread(now, aggregates.model(definition.spec.model));
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

  on('register_model', async (request, by) => {
    const events = await writer.commit(aggregates.model(request.model), (now) =>
      decideRegisterModel(now, { ...request, by }, facts()),
    );
    const { model, version, digest } = request;
    return { model, version, digest, changed: events.length > 0 };
  });
  on('register_dataset', async (request, by) => {
    const events = await writer.commit(aggregates.model(datasetKey(request.name)), (now) =>
      decideRegisterDataset(now, { ...request, by }, facts()),
    );
    const { name, digest } = request;
    return { name, digest, changed: events.length > 0 };
  });
  on('open_incident', (body) => answerReport(body, parts, parts));
  on('resolve_incident', async ({ incidentId, reason }, by) => {
    const events = await writer.commit(aggregates.incident(incidentId), (now) =>
      decideResolve(now, { incidentId, reason, by }, facts()),
    );
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

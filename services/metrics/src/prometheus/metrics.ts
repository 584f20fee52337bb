import {
  AGGREGATE_KINDS,
  PRIORITIES,
  seatedTeam,
  seatStatus,
  severity,
  shareOf,
  verdictOutcome,
} from '@conclave/contracts';
import { gatesNow, openRollout, type Rollout } from '@conclave/core';
import { Counter, Gauge, type Registry } from 'prom-client';
import type { Observed } from '../observed.ts';

type Sample = readonly [labels: Readonly<Record<string, string>>, value: number];
type Read = () => Iterable<Sample>;

/**
 * Registers what only the whole system knows. Every value is computed when it is scraped, so a series ends when its rollout does.
 * Counters made of the journal are the same after a restart of this service. The request counters count the telemetry windows that ended
 * since this process started: they restart at zero, which `rate()` understands.
 */
export function registerMetrics(registry: Registry, observed: Observed): void {
  registerRollouts(registry, observed);
  registerRequests(registry, observed);
  registerWork(registry, observed);
  registerSystem(registry, observed);
}

function registerRollouts(registry: Registry, observed: Observed): void {
  const open = (): [model: string, rollout: Rollout][] =>
    Object.values(observed.mirror.world.rollouts).flatMap((state): [string, Rollout][] => {
      const rollout = openRollout(state);
      return rollout === undefined ? [] : [[state.model, rollout]];
    });
  const perRollout = (value: (model: string, rollout: Rollout) => Iterable<Sample>): Read => {
    return () => open().flatMap(([model, rollout]) => [...value(model, rollout)]);
  };
  const label = (model: string, rollout: Rollout) => ({ model, version: rollout.definition.version });
  const now = (model: string, rollout: Rollout) => gatesNow(rollout, observed.gates?.of(model), observed.now());
  const verdicts = (model: string, rollout: Rollout) => {
    const { verdictOf } = now(model, rollout);
    return rollout.definition.gates.flatMap(({ name: gate }) => {
      const v = verdictOf(gate);
      return v === undefined ? [] : [{ v, labels: { ...label(model, rollout), gate } }];
    });
  };

  gauge(
    registry,
    'conclave_rollout_stage',
    'Stage the open rollout is in: 1',
    ['model', 'version', 'stage'],
    perRollout((m, r) => (r.stage === undefined ? [] : [[{ ...label(m, r), stage: r.stage }, 1]])),
  );
  gauge(
    registry,
    'conclave_rollout_stage_epoch',
    'Stage epoch of the open rollout',
    ['model', 'version'],
    perRollout((m, r) => [[label(m, r), r.stageEpoch]]),
  );
  gauge(
    registry,
    'conclave_gate_value',
    'Value a gate measured in this stage, in the unit of the gate',
    ['model', 'version', 'gate'],
    perRollout((m, r) =>
      verdicts(m, r).flatMap(({ v, labels }): Sample[] => (v.value === null ? [] : [[labels, v.value]])),
    ),
  );
  gauge(
    registry,
    'conclave_gate_threshold',
    'Threshold of a gate, in the unit of the gate',
    ['model', 'version', 'gate'],
    perRollout((m, r) => r.definition.gates.map((g): Sample => [{ ...label(m, r), gate: g.name }, g.threshold])),
  );
  gauge(
    registry,
    'conclave_gate_outcome',
    'Outcome of a gate in this stage: 1 for the one it has, else 0',
    ['model', 'version', 'gate', 'outcome'],
    perRollout((m, r) => {
      const { verdictOf } = now(m, r);
      return r.definition.gates.flatMap((g) => {
        const has = verdictOf(g.name)?.outcome ?? 'pending';
        return verdictOutcome.options.map(
          (o): Sample => [{ ...label(m, r), gate: g.name, outcome: o }, o === has ? 1 : 0],
        );
      });
    }),
  );
  gauge(
    registry,
    'conclave_gate_samples',
    'Requests or queries that a gate has measured in this stage',
    ['model', 'version', 'gate'],
    perRollout((m, r) => verdicts(m, r).map(({ v, labels }): Sample => [labels, v.samples])),
  );
  gauge(
    registry,
    'conclave_traffic_share_asked',
    'Share of live traffic the candidate is asked to answer, 0 to 1',
    ['model', 'version'],
    perRollout((m, r) => (r.stage === undefined ? [] : [[label(m, r), shareOf(r.stage)]])),
  );
  gauge(
    registry,
    'conclave_traffic_share_measured',
    'Share of live traffic the candidate answered in this stage, over the last minutes, 0 to 1',
    ['model', 'version'],
    perRollout((m, r) => {
      const since = r.servingSince ?? r.enteredAt;
      const measured = since === undefined ? null : observed.telemetry.measuredShare(m, r.definition.version, since);
      return measured === null ? [] : [[label(m, r), measured.share]];
    }),
  );
}

function registerRequests(registry: Registry, observed: Observed): void {
  const labels = ['model', 'version', 'mode'];
  const counts = (what: 'requests' | 'errors'): Read => {
    return () =>
      observed.telemetry.counts().map(({ model, version, mode, ...n }): Sample => [{ model, version, mode }, n[what]]);
  };
  counter(
    registry,
    'conclave_requests_total',
    'Inference requests in the telemetry windows that ended since this process started',
    labels,
    counts('requests'),
  );
  counter(registry, 'conclave_request_errors_total', 'Those of them that failed', labels, counts('errors'));
  gauge(
    registry,
    'conclave_request_latency_p95_ms',
    'P95 of request latency over the last minutes, in milliseconds, within 1%',
    labels,
    function* () {
      for (const model of observed.telemetry.models()) {
        for (const { version, mode, latencyP95Ms } of observed.telemetry.series(model, observed.now()))
          if (latencyP95Ms !== null) yield [{ model, version, mode }, latencyP95Ms];
      }
    },
  );
}

function registerWork(registry: Registry, observed: Observed): void {
  const split = (kind: 'ballots' | 'actions', first: string, second: string): Read => {
    return () =>
      Object.entries(observed.mirror.world.counts[kind]).map(([key, count]): Sample => {
        const [a = '', b = ''] = key.split('|');
        return [{ [first]: a, [second]: b }, count];
      });
  };
  counter(registry, 'conclave_meetings_total', 'Meetings by outcome; skipped: nothing had changed', ['outcome'], () =>
    Object.entries(observed.mirror.world.counts.meetings).map(([outcome, count]): Sample => [{ outcome }, count]),
  );
  counter(registry, 'conclave_ballots_total', 'Ballots cast', ['role', 'vote'], split('ballots', 'role', 'vote'));
  counter(
    registry,
    'conclave_actions_total',
    'Actions that ended',
    ['outcome', 'tool'],
    split('actions', 'outcome', 'tool'),
  );
  gauge(registry, 'conclave_backlog_actions', 'Actions that have not ended', ['priority', 'state'], function* () {
    const actions = Object.values(observed.mirror.world.schedule.actions);
    for (const priority of PRIORITIES) {
      for (const state of ['waiting', 'dispatched'])
        yield [{ priority, state }, actions.filter((a) => a.priority === priority && a.state === state).length];
    }
  });
}

function registerSystem(registry: Registry, observed: Observed): void {
  gauge(registry, 'conclave_incidents_open', 'Open incidents', ['severity'], () => {
    const open = Object.values(observed.mirror.world.incidents).filter((i) => i.resolved === undefined);
    return severity.options.map((s): Sample => [{ severity: s }, open.filter((i) => i.severity === s).length]);
  });
  gauge(
    registry,
    'conclave_journal_unread',
    'Models, meetings, actions and so on with an event that this version cannot read: upgrade',
    ['kind'],
    () => {
      const kinds = Object.keys(observed.mirror.world.unread).map((key) => key.split('/')[0]);
      return AGGREGATE_KINDS.map((kind): Sample => [{ kind }, kinds.filter((one) => one === kind).length]);
    },
  );
  counter(
    registry,
    'conclave_journal_quarantined_total',
    'Messages in the journal that nobody who may write there has signed for their place; everybody passes over them',
    [],
    () => [[{}, observed.mirror.world.quarantine.count]],
  );
  gauge(registry, 'conclave_leader_epoch', 'Epoch of the leading coordinator', [], () => [
    [{}, observed.mirror.world.schedule.leaderEpoch],
  ]);
  gauge(registry, 'conclave_journal_sequence', 'Sequence of the last commit this reader has folded', [], () => [
    [{}, observed.mirror.world.seq],
  ]);
  gauge(
    registry,
    'conclave_runner_up',
    'Runners seen by this process: 1 while they report themselves',
    ['runner'],
    () => [...observed.runners.up()].map(([runner, up]): Sample => [{ runner }, up]),
  );
  gauge(
    registry,
    'conclave_agents',
    'Agents of a team that are present, on a substitute or absent; no series of a team that no service reports',
    ['team', 'state'],
    () => {
      const seating = observed.seats?.seating;
      return seatedTeam.options.flatMap((team) => {
        const seats = seating?.[team];
        if (seats === undefined) return [];
        return seatStatus.shape.state.options.map(
          (state): Sample => [{ team, state }, seats.filter((seat) => seat.state === state).length],
        );
      });
    },
  );
}

function gauge(registry: Registry, name: string, help: string, labelNames: readonly string[], read: Read): void {
  new Gauge({
    name,
    help,
    labelNames: [...labelNames],
    registers: [registry],
    collect() {
      this.reset();
      for (const [labels, value] of read()) this.set(labels, value);
    },
  });
}

function counter(registry: Registry, name: string, help: string, labelNames: readonly string[], read: Read): void {
  new Counter({
    name,
    help,
    labelNames: [...labelNames],
    registers: [registry],
    collect() {
      this.reset();
      for (const [labels, value] of read()) this.inc(labels, value);
    },
  });
}

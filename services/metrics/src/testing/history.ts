import {
  aggregates,
  DEFAULT_GATES,
  type PinnedRollout,
  STAGES,
  type StageName,
  sha256,
  type Verdict,
} from '@conclave/contracts';
import { HistoryWriter, type OpenRollout, type WrittenCommit } from './history-writer.ts';
import { holdMeeting } from './meetings.ts';
import { carryOut } from './work.ts';

export const DIGESTS = {
  '1.0': sha256('emoji-search 1.0'),
  '1.1': sha256('emoji-search 1.1'),
  '1.2-slow': sha256('emoji-search 1.2-slow'),
  dataset: sha256('emoji'),
  ranker1: sha256('photo-ranker 2.0'),
  ranker2: sha256('photo-ranker 2.1'),
} as const;

const MODEL = 'emoji-search';

/**
 * A day in the life of two models, ending at `now`: 1.2-slow was rolled back on its latency, 1.1 serves 20% and soaks, the ranker's
 * 2.1 completed; a P1 incident is open, a P0 was resolved; three meetings and their actions.
 */
export function realisticHistory(now: Date): WrittenCommit[] {
  const w = new HistoryWriter(new Date(now.getTime() - 4 * 3600_000));
  register(w);
  completedRanker(w);
  rolledBackSlow(w);
  const rollout = openRollout('emoji-search-1.1', definition(MODEL, '1.1', DIGESTS['1.1']));
  applied(w, rollout);
  inShadow(w, rollout);
  atFivePercent(w, rollout);
  atTwentyPercent(w, rollout, now);
  return w.commits;
}

function register(w: HistoryWriter): void {
  w.commit(aggregates.schedule, ['schedule.leader_elected', { leader: 'coordinator-0', leaderEpoch: 1 }]);
  for (const version of ['1.0', '1.1', '1.2-slow'] as const) {
    const data = { model: MODEL, version, digest: DIGESTS[version], description: '', bytes: 2_400_000, by: 'local' };
    w.commit(aggregates.model(MODEL), ['model.registered', data]);
  }
  w.commit(aggregates.model('dataset:emoji'), [
    'dataset.registered',
    {
      name: 'emoji',
      digest: DIGESTS.dataset,
      description: '',
      documents: 1311,
      queries: 600,
      bytes: 900_000,
      by: 'local',
    },
  ]);
  for (const [model, version, digest] of [
    [MODEL, '1.0', DIGESTS['1.0']],
    ['photo-ranker', '2.0', DIGESTS.ranker1],
  ] as const)
    w.rollout(model, 'rollout.adopted', { model, version, digest, dataset: DIGESTS.dataset, by: 'local' });
}

export function definition(model: string, version: string, digest: string): PinnedRollout {
  return {
    name: `${model}-${version.replaceAll('.', '-')}`,
    model,
    version,
    digest,
    datasetName: 'emoji',
    dataset: DIGESTS.dataset,
    authority: 'act',
    stages: STAGES.map((name) => ({ name, soakSeconds: 1800 })),
    gates: [...DEFAULT_GATES],
  };
}

function openRollout(rolloutId: string, pinned: PinnedRollout): OpenRollout {
  return { rolloutId, definition: pinned };
}

function applied(w: HistoryWriter, { rolloutId, definition: pinned }: OpenRollout): void {
  w.rollout(pinned.model, 'rollout.applied', { rolloutId, definition: pinned, by: 'local' });
}

function completedRanker(w: HistoryWriter): void {
  const rollout = openRollout('photo-ranker-2.1', definition('photo-ranker', '2.1', DIGESTS.ranker2));
  applied(w, rollout);
  STAGES.forEach((stage, index) => {
    const earned = { meetingId: `meeting-r${index}`, verdictSet: `set-${index}` };
    w.enter(rollout, stage, index + 1, index === 0 ? undefined : earned);
    for (const verdict of passing(index + 1, DIGESTS.ranker2, 0.762)) w.verdict(rollout, verdict);
    w.wait(600);
    summarise(w, rollout, stage, index + 1, 4200);
  });
  w.rollout('photo-ranker', 'rollout.completed', { rolloutId: rollout.rolloutId, stageEpoch: 5 });
}

function rolledBackSlow(w: HistoryWriter): void {
  const rollout = openRollout('emoji-search-1.2-slow', definition(MODEL, '1.2-slow', DIGESTS['1.2-slow']));
  applied(w, rollout);
  w.enter(rollout, 'shadow', 1);
  for (const verdict of passing(1, DIGESTS['1.2-slow'], 0.748)) w.verdict(rollout, verdict);
  w.wait(600);
  summarise(w, rollout, 'shadow', 1, 1100);
  w.enter(rollout, '5_percent', 2, { meetingId: 'meeting-100', verdictSet: 'set-s' });
  w.wait(90);
  const breach = latency(2, DIGESTS['1.2-slow'], 71.4, 'fail');
  w.verdict(rollout, breach);
  w.commit(aggregates.rollouts(MODEL), [
    'rollout.aborted',
    {
      rolloutId: rollout.rolloutId,
      by: 'coordinator-0',
      reason: 'gate latency_p95_ms breached 3 times in a row',
      gate: 'latency_p95_ms',
      verdict: breach,
    },
  ]);
  const incident = {
    incidentId: 'inc-1',
    severity: 'P0',
    title: 'Search latency above the SLO',
    detail: '',
    model: MODEL,
  };
  w.commit(aggregates.incident('inc-1'), ['incident.opened', { ...incident, source: 'coordinator-0' }]);
  w.rollout(MODEL, 'rollout.held', {
    holdId: 'inc-1',
    kind: 'incident',
    by: 'coordinator-0',
    reason: 'P0 inc-1 is open',
  });
  w.wait(900);
  w.commit(aggregates.incident('inc-1'), [
    'incident.resolved',
    { incidentId: 'inc-1', by: 'local', reason: 'rolled back; cause found in the per-query index' },
  ]);
  w.rollout(MODEL, 'rollout.released', { holdId: 'inc-1', by: 'local', reason: 'incident resolved' });
  w.commit(aggregates.roadmap, [
    'roadmap.insight_recorded',
    {
      insightId: 'ins-1',
      text: 'Encoding every picture per query costs 60 ms: build the index at load.',
      line: 'v1_production',
      source: 'latency_analyst',
    },
  ]);
}

function inShadow(w: HistoryWriter, rollout: OpenRollout): void {
  w.enter(rollout, 'shadow', 3);
  carryOut(
    w,
    holdMeeting(w, {
      id: 'meeting-101',
      slot: 4,
      reason: 'stage_entered',
      rollout,
      stage: 'shadow',
      epoch: 3,
      go: false,
    }),
  );
  for (const verdict of passing(3, DIGESTS['1.1'], 0.741)) w.verdict(rollout, verdict);
  w.wait(1800);
  carryOut(
    w,
    holdMeeting(w, { id: 'meeting-102', slot: 5, reason: 'stage_ready', rollout, stage: 'shadow', epoch: 3, go: true }),
  );
  summarise(w, rollout, 'shadow', 3, 2210);
}

function atFivePercent(w: HistoryWriter, rollout: OpenRollout): void {
  w.enter(rollout, '5_percent', 4, { meetingId: 'meeting-102', verdictSet: 'set-102' });
  for (const verdict of passing(4, DIGESTS['1.1'], 0.741)) w.verdict(rollout, verdict);
  w.wait(1800);
  carryOut(
    w,
    holdMeeting(w, {
      id: 'meeting-103',
      slot: 6,
      reason: 'stage_ready',
      rollout,
      stage: '5_percent',
      epoch: 4,
      go: true,
    }),
  );
  summarise(w, rollout, '5_percent', 4, 640);
}

function atTwentyPercent(w: HistoryWriter, rollout: OpenRollout, now: Date): void {
  w.wait(Math.max(0, (now.getTime() - Date.parse(w.at)) / 1000 - 1100));
  w.enter(rollout, '20_percent', 5, { meetingId: 'meeting-103', verdictSet: 'set-103' });
  for (const verdict of passing(5, DIGESTS['1.1'], 0.741)) {
    if (verdict.gate === 'rollback_test') continue;
    w.verdict(rollout, verdict.gate === 'latency_p95_ms' ? { ...verdict, samples: 96, outcome: 'running' } : verdict);
  }
  const incident = {
    incidentId: 'inc-2',
    severity: 'P1',
    title: 'Dashboard lags behind',
    detail: '',
    source: 'infra_guardian',
  };
  w.commit(aggregates.incident('inc-2'), ['incident.opened', incident]);
  w.commit(aggregates.schedule, ['schedule.meeting_skipped', { slot: 7, reason: 'nothing changed since meeting-103' }]);
  w.wait(1090);
  w.commit(aggregates.schedule, ['schedule.heartbeat', { slot: 44, drains: false, dispatched: 1 }]);
}

function summarise(
  w: HistoryWriter,
  { rolloutId, definition: pinned }: OpenRollout,
  stage: StageName,
  stageEpoch: number,
  requests: number,
): void {
  const shares: Record<StageName, number> = {
    shadow: 0,
    '5_percent': 0.05,
    '20_percent': 0.2,
    '50_percent': 0.5,
    production: 1,
  };
  const askedShare = shares[stage];
  const summary = {
    stage,
    stageEpoch,
    askedShare,
    measuredShare: stage === 'shadow' ? null : Math.min(1, askedShare + 0.003),
    candidateRequests: requests,
    candidateErrors: 0,
    stableRequests: 8200,
    latencyP95Ms: 3.4,
    verdicts: [],
  };
  w.rollout(pinned.model, 'rollout.stage_summarised', { rolloutId, summary });
}

function base(
  stageEpoch: number,
  modelDigest: string,
): Omit<
  Verdict,
  'gate' | 'operator' | 'threshold' | 'value' | 'interval' | 'samples' | 'minSamples' | 'source' | 'sentence'
> {
  return { outcome: 'pass', window: null, stageEpoch, modelDigest, datasetDigest: null, dryRun: false };
}

export function latency(
  stageEpoch: number,
  digest: string,
  value: number,
  outcome: Verdict['outcome'] = 'pass',
): Verdict {
  const interval = { low: value * 0.91, high: value * 1.12 };
  const sentence = `95% of requests were answered within ${value} ms`;
  const numbers = { value, interval, operator: '<', threshold: 50, samples: 412, minSamples: 200 } as const;
  return { ...base(stageEpoch, digest), outcome, gate: 'latency_p95_ms', ...numbers, source: 'telemetry', sentence };
}

/** The guide's six gates, all passed. */
export function passing(stageEpoch: number, digest: string, ndcg: number): Verdict[] {
  const same = base(stageEpoch, digest);
  const offline = { ...same, datasetDigest: DIGESTS.dataset, samples: 600, minSamples: 50, operator: '>=' } as const;
  return [
    {
      ...offline,
      gate: 'ndcg@10',
      value: ndcg,
      interval: { low: ndcg - 0.0195, high: ndcg + 0.029 },
      threshold: 0.72,
      source: 'offline-emoji-search-1.1-4f2a',
      sentence: 'Mean NDCG@10 over 600 queries with its 95% bootstrap interval',
    },
    latency(stageEpoch, digest, 3.2),
    {
      ...same,
      gate: 'slo_compliance',
      value: 0.9976,
      interval: { low: 0.991, high: 0.999 },
      operator: '>=',
      threshold: 0.99,
      samples: 412,
      minSamples: 200,
      source: 'telemetry',
      sentence: '411 of 412 requests were answered without error within 50 ms',
    },
    {
      ...same,
      gate: 'p0_incidents',
      value: 0,
      interval: null,
      operator: '<=',
      threshold: 0,
      samples: 1,
      minSamples: 0,
      source: 'incidents',
      sentence: 'No P0 incident is open',
    },
    {
      ...same,
      gate: 'rollback_test',
      value: 1,
      interval: null,
      operator: '>=',
      threshold: 1,
      samples: 2,
      minSamples: 1,
      source: `rollback-test-${stageEpoch}`,
      sentence: 'Swap to stable and back passed on every runner',
    },
    {
      ...offline,
      gate: 'no_loss_vs_stable',
      value: 0.031,
      interval: { low: 0.012, high: 0.049 },
      threshold: 0,
      source: 'offline-emoji-search-1.1-4f2a',
      sentence: 'No significant loss against 1.0 on the same 600 queries (p = 0.999)',
    },
  ];
}

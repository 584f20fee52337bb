import type { StageName } from '@conclave/contracts';
import { openRollout } from '@conclave/core';
import type { Cast } from '../cast.ts';
import type { History } from '../history.ts';

/** How one model fares over the years: version after version is rolled out, and every third of them is found wanting at 5%. */
export interface ModelStory {
  readonly model: string;
  /** Never leaves 20% in the whole history: its evidence has to outlast everything else. */
  readonly staysOpen: boolean;
  /** Number of its candidate. */
  version: number;
  serves: number;
  /** Whether the stage has what it needs for a vote. */
  measured: boolean;
}

export const MODEL_NAMES = ['search', 'ranker', 'captioner', 'translator'] as const;

export function modelStories(): ModelStory[] {
  return MODEL_NAMES.map((model, index) => ({ model, staysOpen: index === 0, version: 0, serves: 0, measured: false }));
}

export function castOf({ model, version, serves }: ModelStory): Cast {
  return { model, stable: `1.${serves}`, candidate: `1.${version}`, dataset: `${model}-queries`, digests: {} };
}

/** The first version serves, its dataset is there. */
export function begin(h: History, story: ModelStory): void {
  h.about(castOf(story))
    .datasetRegistered()
    .registered([`1.${story.serves}`]);
  h.leaderChanged().adopted().wait(3).stableServing();
}

/** Has another version pushed and applied where none is open. */
export function applyNext(h: History, story: ModelStory): void {
  if (openRollout(h.rolloutsOf(story.model)) !== undefined) return;
  story.version++;
  story.measured = false;
  h.about(castOf(story))
    .registered([`1.${story.version}`])
    .wait(20);
  h.applied({ soakSeconds: 3600, authority: story.version % 2 === 0 ? 'recommend' : 'act' });
}

/** Enters a stage, as `deploy_model` has the coordinator do, and serves it. */
export function enter(h: History, story: ModelStory, stage: StageName, actionId: string): void {
  story.measured = false;
  if (stage === 'shadow') h.entered(stage, { requestedBy: actionId });
  else h.advanced(stage, actionId);
  h.wait(2).judgedAtOnce([
    ['p0_incidents', 'pass'],
    ['ndcg@10', 'pass'],
    ['no_loss_vs_stable', 'pass'],
  ]);
  h.wait(5).serving(['gpu-runner-0', 'gpu-runner-1']);
}

/** What the leader finds in the evidence of half an hour; may end the rollout. */
export function judge(h: History, story: ModelStory): void {
  const { stage, trafficSince, verdicts } = h.rollout;
  if (stage === undefined) return;
  if (trafficSince === undefined) h.trafficSeen();
  if (story.version % 3 === 2 && stage === '5_percent' && !story.staysOpen) {
    h.summarised().breached();
    return;
  }
  const early = verdicts.rollback_test === undefined ? 'running' : 'pass';
  h.judgedAtOnce([
    ['latency_p95_ms', early],
    ['slo_compliance', early],
    ['rollback_test', 'pass'],
  ]);
  if (early === 'running')
    h.wait(300).judgedAtOnce([
      ['latency_p95_ms', 'pass'],
      ['slo_compliance', 'pass'],
    ]);
  story.measured = true;
}

/** Production was earned. */
export function complete(h: History, story: ModelStory): void {
  h.summarised().completed();
  story.serves = story.version;
  h.about(castOf(story));
}

import {
  aggregates,
  type MeetingReason,
  PLANNING_ROLES,
  type PlannedAction,
  type PlanningRole,
  STAGES,
  type StageName,
} from '@conclave/contracts';
import { stageLabel } from '@conclave/core';
import type { HistoryWriter, OpenRollout } from './history-writer.ts';
import { planOf } from './work.ts';

export interface HeldMeeting {
  readonly id: string;
  readonly slot: number;
  readonly reason: MeetingReason;
  readonly rollout: OpenRollout;
  readonly stage: StageName;
  readonly epoch: number;
  /** Whether the advisors find for it; a meeting that does not has no decision. */
  readonly go: boolean;
}

const RULES = { adapter: 'rules', model: 'rules' } as const;
const CLAUDE = { adapter: 'anthropic', model: 'claude-opus-4' } as const;

/** A whole meeting, from the call to the hand-off of its plan. */
export function holdMeeting(w: HistoryWriter, meeting: HeldMeeting): PlannedAction[] {
  const { id, slot, reason, rollout } = meeting;
  const { model, version } = rollout.definition;
  const deadline = new Date(Date.parse(w.at) + 600_000).toISOString();
  const detail = `${model} ${version}`;
  w.commit(aggregates.schedule, ['schedule.meeting_called', { meetingId: id, slot, reason, detail, deadline }]);
  w.wait(1);
  const opened = { meetingId: id, reason, detail, brief: {}, deadline, planner: 'planner-0' };
  w.commit(aggregates.meeting(id), ['meeting.opened', opened]);
  for (const role of PLANNING_ROLES) if (role !== 'cotrr_team') say(w, meeting, 'statement', role);
  const absent = { phase: 'statement', role: 'cotrr_team', reason: 'no key in GOOGLE_API_KEY' };
  w.commit(aggregates.meeting(id), ['meeting.advisor_absent', absent]);
  say(w, meeting, 'challenge', 'critic');
  say(w, meeting, 'revision', 'data_analyst');
  if (meeting.go) for (const role of PLANNING_ROLES) if (role !== 'cotrr_team') castBallot(w, meeting, role);
  say(w, meeting, 'synthesis', 'moderator');
  return close(w, meeting);
}

const TEXTS: Record<string, string> = {
  statement:
    'NDCG@10 stands at 0.741 with the interval above 0.72 and latency is an order below its limit. The soak is what is left.',
  challenge:
    'The interval of NDCG@10 reaches down to 0.7215. What would a harder set of queries say? And nobody has looked at the tail beyond P95.',
  revision:
    'Checked: P99 is 5.1 ms. The paired comparison against 1.0 gains +0.031, so a harder set would have to reverse the sign.',
  synthesis: 'All deciding gates passed and the challenge was answered; the plan follows from the ballots.',
};

function say(w: HistoryWriter, { id }: HeldMeeting, phase: string, role: PlanningRole): void {
  w.wait(2);
  const speaker = role === 'moderator' || role === 'pre_architect' ? CLAUDE : RULES;
  w.commit(aggregates.meeting(id), [
    'meeting.turn_taken',
    { phase, role, speaker, text: TEXTS[phase], durationMs: 1800 },
  ]);
}

function castBallot(w: HistoryWriter, { id, rollout }: HeldMeeting, role: PlanningRole): void {
  w.wait(1);
  const vote = role === 'tech_analysis' ? 'abstain' : role === 'data_analyst' && id === 'meeting-103' ? 'no_go' : 'go';
  const reasons = {
    go: 'Every deciding gate passed in this stage.',
    no_go: 'I would wait for a second day of traffic before a fourfold share.',
    abstain: 'I lack GPU numbers to judge.',
  };
  const ballots = [{ rolloutId: rollout.rolloutId, verdictSet: `set-${id.slice(-3)}`, vote, reason: reasons[vote] }];
  const turn = { phase: 'ballot', role, speaker: RULES, text: reasons[vote], ballots, durationMs: 900 };
  w.commit(aggregates.meeting(id), ['meeting.turn_taken', turn]);
}

function close(w: HistoryWriter, meeting: HeldMeeting): PlannedAction[] {
  const { id, rollout, stage, epoch, go } = meeting;
  const { model, version } = rollout.definition;
  const dissenting = id === 'meeting-103';
  const verdictSet = `set-${id.slice(-3)}`;
  const ballots = {
    yes: ['moderator', 'pre_architect', 'critic', ...(dissenting ? [] : ['data_analyst'])],
    no: dissenting ? ['data_analyst'] : [],
    abstained: ['tech_analysis'],
  };
  const toStage = STAGES[STAGES.indexOf(stage) + 1];
  const decision = { rolloutId: rollout.rolloutId, model, version, stage, stageEpoch: epoch, toStage, verdictSet };
  const { document, actions } = planOf(id, rollout, go ? toStage : undefined, w.at);
  w.wait(2);
  w.commit(aggregates.meeting(id), [
    'meeting.closed',
    {
      meetingId: id,
      outcome: 'decided',
      summary: go
        ? `${version} has earned ${toStage === undefined ? 'completion' : stageLabel(toStage)}.`
        : `${version} soaks in shadow; measure before the next step.`,
      decisions: go ? [{ ...decision, decision: 'go', ...ballots, reason: 'all deciding gates passed' }] : [],
      dissent: dissenting ? ['data_analyst: I would wait for a second day of traffic before a fourfold share.'] : [],
      handoff: document,
    },
  ]);
  w.commit(
    aggregates.schedule,
    ['schedule.meeting_ended', { meetingId: id, outcome: 'decided' }],
    [
      'schedule.plan_accepted',
      { planId: id, digest: verdictSet, source: `planning_${id}`, origin: 'meeting', actions },
    ],
  );
  if (go) {
    const voted = {
      rolloutId: rollout.rolloutId,
      stageEpoch: epoch,
      meetingId: id,
      decision: 'go',
      verdictSet,
      ...ballots,
    };
    w.rollout(model, 'rollout.voted', voted);
  }
  return actions;
}

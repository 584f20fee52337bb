import type { MeetingPhase, PlanningRole } from '@conclave/contracts';
import type { DataOf } from '../draft.ts';
import type { History } from '../history.ts';

const SPEECH: Readonly<Record<MeetingPhase, string>> = {
  statement:
    'NDCG@10 stands at 0.741 with its interval above 0.72, and P95 is an order of magnitude below the limit. What is left is the soak; I propose to measure again at its end.',
  challenge:
    'The interval of NDCG@10 reaches down to 0.7215. What would a harder set of queries say? And nobody has looked at the tail beyond P95, nor at the queries without any hit.',
  revision:
    'Checked: P99 is 5.1 ms. The paired comparison with what serves gains 0.031, so that a harder set would have to reverse the sign. I stay with what I said, and add the smoke test.',
  ballot: 'Every required gate passed in this stage, and the challenge was answered.',
  synthesis:
    'All required gates passed and the challenge was answered; the plan follows from the ballots and from what was proposed.',
};

/** What an advisor says, about as long as a language model's answers are kept. */
export function speech(phase: MeetingPhase, role: PlanningRole): Partial<DataOf<'meeting.turn_taken'>> {
  const proposes = phase === 'statement' || phase === 'synthesis';
  const action = {
    action: 'Collect the SLO metrics of the stage',
    owner: 'compliance_monitor',
    priority: 'medium',
    success_criteria: 'latency_p95_ms < 50, slo_compliance >= 0.99',
    reason: 'The verdicts of the last half hour rest on 412 requests; another half hour makes the interval narrower.',
  };
  const content = {
    actions: proposes ? [action, { ...action, owner: 'infra_guardian', priority: 'low' }] : [],
    decisions: [],
    claims: ['P95 3.2 ms [2.9-3.6]', 'NDCG@10 0.741 [0.722-0.770] on 600 queries', `as ${role} I see no other risk`],
  };
  return { text: SPEECH[phase], content, ballots: [] };
}

/** What the advisors were told: of the open rollout everything, as the planner's brief has it. */
export function briefOf(h: History, meetingId: string): unknown {
  const { definition, stage, stageEpoch, verdicts, summaries } = h.rollout;
  const gates = Object.values(verdicts).map(({ gate, outcome, value, interval, samples, sentence }) => ({
    ...{ gate, outcome, value, interval, samples, sentence },
  }));
  return {
    schema: 'conclave.brief/v1',
    meetingId,
    at: h.now.toISOString(),
    models: [{ model: definition.model, rollout: { definition, stage, stageEpoch, gates, stages: summaries.length } }],
    results: h
      .rolloutsOf()
      .past.slice(0, 3)
      .map(({ rolloutId, ended }) => ({ rolloutId, ended })),
    documents: [SPEECH.statement, SPEECH.challenge, SPEECH.revision],
    voting: { quorum: 4, majority: 0.5, veto: ['critic'] },
  };
}

import type { Ballot, MeetingPhase, PlanningRole, Speaker } from '@conclave/contracts';

const CLAUDE: Speaker = { adapter: 'anthropic', model: 'claude-opus-4' };
const RULES: Speaker = { adapter: 'rules', model: 'rules' };

const TEXTS: Readonly<Record<MeetingPhase, string>> = {
  statement:
    'NDCG@10 stands at 0.741 with the interval above 0.72 and latency is an order below its limit. The soak is what is left.',
  challenge:
    'The interval of NDCG@10 reaches down to 0.7215. What would a harder set of queries say? And nobody has looked at the tail beyond P95.',
  revision:
    'Checked: P99 is 5.1 ms. The paired comparison against 1.0 gains +0.031, so a harder set would have to reverse the sign.',
  ballot: '',
  synthesis: 'All required gates passed and the challenge was answered; the plan follows from the ballots.',
};

const REASONS: Readonly<Record<Ballot['vote'], string>> = {
  go: 'Every required gate passed in this stage.',
  no_go: 'I would wait for a second day of traffic before a fourfold share.',
  abstain: 'I lack GPU numbers to judge.',
};

/** What an advisor says; two chairs are language models. */
export function said(phase: MeetingPhase, role: PlanningRole): { text: string; speaker: Speaker } {
  const speaker = role === 'moderator' || role === 'pre_architect' ? CLAUDE : RULES;
  return { text: TEXTS[phase], speaker };
}

export function reasonOf(vote: Ballot['vote']): string {
  return REASONS[vote];
}

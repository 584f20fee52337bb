import type { MeetingPhase } from '@conclave/contracts';
import { z } from 'zod';
import { contribution } from '../advisor.ts';

/** What the model is asked for in a phase, and the shape of its answer. */
interface PhaseAsk {
  readonly task: string;
  readonly schema: z.ZodType<Partial<z.infer<typeof contribution>> & { text: string }>;
}

const { text, ballots, actions, decisions } = contribution.shape;
const ACTIONS = `An action names: action (a complete sentence), owner (the executive agent), priority (high, medium or low), estimated_duration, success_criteria (predicates such as "ndcg@10 >= 0.72, errors == 0"), tool and args if a tool does it, and depends_on (places in your list, from 1).`;

export const PHASE_ASKS: Readonly<Record<MeetingPhase, PhaseAsk>> = {
  statement: {
    task: `Give your first statement, independently of the others: what the numbers of the brief say in your field, what is missing, and which actions you propose. ${ACTIONS}`,
    schema: z.object({ text, actions }),
  },
  challenge: {
    task: 'Challenge the statements: name each claim that the brief does not carry, each number that is weak and each risk nobody named.',
    schema: z.object({ text }),
  },
  revision: {
    task: `The critic has challenged the statements. Revise yours: say what you change and what you keep, and why. List again the actions you still propose. ${ACTIONS}`,
    schema: z.object({ text, actions }),
  },
  ballot: {
    task: 'Vote on each rollout that stands in a stage: go, no_go or abstain, on exactly the verdictSet of the brief, with your reason. Evidence that is missing never supports go. With a no_go on evidence that is complete, say what would change your mind: needs (tools whose new success you ask for, such as run_evaluation) and reconsiderMinutes.',
    schema: z.object({ text, ballots }),
  },
  synthesis: {
    task: `Write the meeting's summary, report what the ballots decided on each rollout (none where all abstained), and make the plan, at most as many actions as the brief allows. Your plan supersedes actions of earlier meetings that are still waiting: list again those still needed. The deploy action of a go is added by the system. ${ACTIONS}`,
    schema: z.object({ text, decisions, actions }),
  },
};

import { isConclaveError, messageOf, type PlannedAction, type Speaker, type ToolName } from '@conclave/contracts';
import { type ActionRun, isRollbackOrder, type World } from '@conclave/core';
import type { Tool } from '../tools/tool.ts';
import { summaryOf } from './done.ts';
import { planByRules, type RulesPlan, rollbackPlan } from './rules-plan.ts';
import type { Worker } from './worker.ts';

/*
 * Code before agents: an action whose tool and arguments are complete needs nobody's judgement (docs/adr/0009).
 * 1. A named tool whose arguments pass its check is called by code, whoever owns the action and whether or not that agent is there. The
 *    calls that the success criteria need follow, as far as the role has the tools.
 * 2. An order to roll back is carried out by code even when its arguments are incomplete or no tool is named.
 * 3. Everything else is the agent's, as it was; if the agent does not answer, the reason also says what was incomplete.
 * 4. No model is asked afterwards either: it could not change the outcome, which code concludes from the calls on record.
 * 5. A run that code began is finished by code, in every attempt.
 */

/** Who decides in a direct run: no agent. */
export const DIRECT: Speaker = { adapter: 'rules', model: 'direct' };

export interface ChoiceInput {
  readonly action: PlannedAction;
  readonly run: ActionRun;
  readonly world: World;
  readonly tools: ReadonlyMap<ToolName, Tool>;
  /** The owner's agent. */
  readonly agentFor: (action: PlannedAction) => Worker;
}

/** Who carries an action out: code where it is complete, else the owner's agent. */
export function chooseWorker({ action, run, world, tools, agentFor }: ChoiceInput): Worker {
  if (run.calls.length > 0) return isDirect(run.speaker) ? directWorker() : agentFor(action);
  const plan = directPlan(action, run, world);
  if (plan === undefined) return agentFor(action);
  const problem = plan.refusal ?? problemOf(plan, world, tools);
  return problem === undefined ? directWorker() : withProblem(agentFor(action), problem);
}

function isDirect(speaker: Speaker | undefined): boolean {
  return speaker?.adapter === DIRECT.adapter && speaker.model === DIRECT.model;
}

function directPlan(action: PlannedAction, run: ActionRun, world: World): RulesPlan | undefined {
  if (isRollbackOrder(action)) return rollbackPlan(action, run, world);
  return action.tool === undefined ? undefined : planByRules(action, world);
}

function problemOf({ calls }: RulesPlan, world: World, tools: ReadonlyMap<ToolName, Tool>): string | undefined {
  const [first] = calls ?? [];
  const tool = first === undefined ? undefined : tools.get(first.tool);
  if (first === undefined || tool === undefined) return 'no tool was found for it';
  try {
    tool.prepare(first.args, world);
    return undefined;
  } catch (error) {
    if (!isConclaveError(error, 'CVE_TOOL_INVALID_ARGS')) throw error;
    return messageOf(error);
  }
}

function directWorker(): Worker {
  return {
    speaker: DIRECT,
    isCode: true,
    async next({ action, run, world }) {
      const plan = directPlan(action, run, world);
      if (plan?.calls === undefined) return { kind: 'refused', reason: plan?.refusal ?? 'the action names no tool' };
      const call = plan.calls[run.calls.length];
      const hasFailed = run.calls.some(({ returned }) => returned?.ok === false);
      if (call === undefined || hasFailed) return { kind: 'done', summary: summaryOf(run.calls) };
      return { kind: 'call', call };
    },
  };
}

/** The owner's agent, asked because of this problem: if it has no answer either, both reasons are told. */
function withProblem(agent: Worker, problem: string): Worker {
  return {
    get speaker() {
      return agent.speaker;
    },
    async next(input) {
      const answered = await agent.next(input).catch((error: unknown) => {
        if (input.signal.aborted) throw error;
        return { kind: 'refused', reason: messageOf(error) } as const;
      });
      const isFirst = input.run.calls.length === 0;
      return answered.kind === 'refused' && isFirst
        ? { kind: 'refused', reason: `${problem}; ${answered.reason}` }
        : answered;
    },
  };
}

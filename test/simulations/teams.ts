import type { MeetingPhase, PlanningRole } from '@conclave/contracts';
import type { Contribution } from '../../services/planner/src/advisors/advisor.ts';
import { rulesContribution } from '../../services/planner/src/advisors/rules/rules-advisor.ts';
import type { Brief } from '../../services/planner/src/brief/schema.ts';

/** What each seat says; undefined when it is absent. */
export type SimulatedTeam = (phase: MeetingPhase, role: PlanningRole, brief: Brief) => Contribution | undefined;

/** The `rules` of the product: plans what is missing and votes on what is there. */
export const sensible: SimulatedTeam = (phase, role, brief) => rulesContribution(role, phase, brief);

const withActions = (
  change: (actions: Contribution['actions'], brief: Brief) => Contribution['actions'],
): SimulatedTeam => {
  return (phase, role, brief) => {
    const said = rulesContribution(role, phase, brief);
    return { ...said, actions: change(said.actions, brief) };
  };
};

const metricsAction = (brief: Brief): Contribution['actions'][number] => ({
  action: 'Collect baseline metrics',
  owner: 'compliance_monitor',
  priority: 'medium',
  estimated_duration: '2min',
  success_criteria: 'All SLOs measured and logged',
  tool: 'collect_metrics',
  args: { model: brief.models[0]?.model ?? 'search' },
});

export const plansNothing = withActions(() => []);
/** What is missing, and one action besides in every meeting. */
export const plansLittle = withActions((actions, brief) => [...actions, metricsAction(brief)]);
/** As many actions as it may, in every meeting. */
export const plansMuch = withActions((actions, brief) => [
  ...actions,
  ...Array.from({ length: brief.maxActions - actions.length }, () => metricsAction(brief)),
]);
/** Owners and tools that do not exist. */
export const misspells = withActions((actions) =>
  actions.map((action) => ({ ...action, tool: `${action.tool}s`, owner: 'ops_comander' })),
);

/** The critic says no to everything, and asks for what it has seen already. */
export function vetoes(needs: string[], reconsiderMinutes?: number): SimulatedTeam {
  return (phase, role, brief) => {
    const said = rulesContribution(role, phase, brief);
    if (role !== 'critic') return said;
    const more = { needs, ...(reconsiderMinutes === undefined ? {} : { reconsiderMinutes }) };
    return {
      ...said,
      ballots: said.ballots.map((ballot) => ({
        ...ballot,
        vote: 'no_go' as const,
        reason: 'I do not trust it',
        ...more,
      })),
    };
  };
}

/** Everybody abstains. */
export const abstains: SimulatedTeam = (phase, role, brief) => {
  const said = rulesContribution(role, phase, brief);
  return { ...said, ballots: said.ballots.map((ballot) => ({ ...ballot, vote: 'abstain' as const })) };
};

export const withoutModerator: SimulatedTeam = (phase, role, brief) =>
  role === 'moderator' ? undefined : rulesContribution(role, phase, brief);

export const withoutQuorum: SimulatedTeam = (phase, role, brief) =>
  role === 'moderator' || role === 'critic' ? rulesContribution(role, phase, brief) : undefined;

import type { Ballot, MeetingPhase, PlanningRole } from '@conclave/contracts';
import { type Brief, rolloutsToVoteOn } from '../../brief/schema.ts';
import type { Advisor, Contribution } from '../advisor.ts';
import { failedGates, judgeBrief } from './judge-brief.ts';
import { neededActions } from './needs.ts';
import { ballotReason, challengeText, revisionText, statementText } from './viewpoints.ts';

/** A deterministic advisor: the same brief gives the same turn. It is no language model and says so. */
export function rulesAdvisor(role: PlanningRole): Advisor {
  return {
    role,
    speaker: { adapter: 'rules', model: 'rules' },
    speak: async ({ phase, brief }) => rulesContribution(role, phase, brief),
  };
}

/** What the rules say in a phase. Pure. */
export function rulesContribution(role: PlanningRole, phase: MeetingPhase, brief: Brief): Contribution {
  const silent = { ballots: [], actions: [], decisions: [] };
  switch (phase) {
    case 'statement':
      return { ...silent, text: statementText(role, brief), actions: proposalsOf(role, brief) };
    case 'challenge':
      return { ...silent, text: challengeText(brief) };
    case 'revision':
      return { ...silent, text: revisionText(role, brief), actions: proposalsOf(role, brief) };
    case 'ballot': {
      const ballots = rolloutsToVoteOn(brief).map((rollout): Ballot => {
        const { rolloutId, verdictSet } = rollout;
        return { rolloutId, verdictSet, vote: judgeBrief(rollout).vote, reason: ballotReason(role, rollout) };
      });
      const text = ballots.map((b) => `${b.rolloutId}: ${b.vote}. ${b.reason}`).join('\n');
      return { ...silent, text: text === '' ? 'No rollout stands in a stage.' : text, ballots };
    }
    case 'synthesis':
      return synthesis(brief);
  }
}

function proposalsOf(role: PlanningRole, brief: Brief): Contribution['actions'] {
  return neededActions(brief)
    .filter((need) => need.field === role)
    .map((need) => need.action);
}

function synthesis(brief: Brief): Contribution {
  const rollouts = rolloutsToVoteOn(brief);
  const actions = neededActions(brief).map((need) => need.action);
  const lines = rollouts.map((rollout) => {
    const { vote, because } = judgeBrief(rollout);
    const name = `${rollout.model} ${rollout.version} in ${rollout.stage}`;
    if (vote === 'go') return `${name} has earned ${rollout.nextStage ?? 'its completion'}.`;
    return `${name} does not advance now: ${because.join('; ')}.`;
  });
  const learnt = [
    ...rollouts.flatMap((rollout) =>
      failedGates(rollout).map((gate) => `Learnt: ${rollout.version} fails ${gate.name} in ${rollout.stage}.`),
    ),
    ...brief.models.flatMap((model) =>
      model.ended
        .filter((entry) => entry.sinceLastMeeting && entry.phase === 'rolled_back')
        .map((entry) => `Learnt: ${entry.version} of ${model.model} was rolled back (${entry.reason}).`),
    ),
  ];
  const plan = actions.length === 0 ? 'Nothing new needs doing.' : `${actions.length} actions bring what is missing.`;
  return {
    text: [...lines, ...learnt, plan].join(' '),
    ballots: [],
    actions,
    decisions: rollouts.map((rollout) => {
      const { vote } = judgeBrief(rollout);
      return { rolloutId: rollout.rolloutId, decision: vote === 'abstain' ? 'none' : vote };
    }),
  };
}

import type { PlanningRole } from '@conclave/contracts';
import type { Brief, GateBrief, RolloutBrief } from '../../brief/schema.ts';
import { concerns, judgeBrief, measured } from './judge-brief.ts';

/** What a role looks at first. Everyone votes on all evidence; the viewpoint decides what it reports on. */
interface Viewpoint {
  readonly subject: string;
  readonly gates: readonly GateBrief['source'][];
}

export const VIEWPOINTS: Readonly<Record<PlanningRole, Viewpoint>> = {
  moderator: {
    subject: 'the state of every rollout',
    gates: ['evaluation', 'comparison', 'telemetry', 'incidents', 'rollback_test'],
  },
  pre_architect: { subject: 'the way back and what holds the rollout', gates: ['rollback_test', 'incidents'] },
  data_analyst: { subject: 'offline quality and the comparison with stable', gates: ['evaluation', 'comparison'] },
  tech_analysis: { subject: 'behaviour under traffic', gates: ['telemetry'] },
  critic: {
    subject: 'what could be wrong with the evidence',
    gates: ['evaluation', 'comparison', 'telemetry', 'incidents', 'rollback_test'],
  },
  cotrr_team: { subject: 'the margin that latency leaves', gates: ['telemetry'] },
};

/** The statement of a role: the numbers it judged, per model. */
export function statementText(role: PlanningRole, brief: Brief): string {
  const { subject, gates } = VIEWPOINTS[role];
  const lines = brief.models.map((model) => {
    const ended = model.ended
      .filter((entry) => entry.sinceLastMeeting)
      .map((entry) => ` ${entry.version} ended ${entry.phase}: ${entry.reason}.`)
      .join('');
    const stable = model.stable === null ? 'nothing adopted as stable' : `stable is ${model.stable.version}`;
    if (model.rollout === null) return `${model.model}: ${stable}, no rollout is open.${ended}`;
    return `${model.model}: ${stable}.${ended} ${rolloutText(role, model.rollout, gates)}`;
  });
  const bad = brief.results.filter((result) => result.outcome !== 'succeeded' && result.outcome !== 'superseded');
  const results =
    brief.results.length === 0
      ? ''
      : ` Of ${brief.results.length} actions ended since the last meeting, ${bad.length} did not succeed${bad.length === 0 ? '' : ` (${bad.map((b) => `${b.actionId} ${b.outcome}`).join(', ')})`}.`;
  const state = lines.length === 0 ? 'Nothing has been adopted or applied.' : lines.join(' ');
  return `I am a rule, not a language model; I looked at ${subject}. ${state}${results}`;
}

function rolloutText(role: PlanningRole, rollout: RolloutBrief, sources: readonly GateBrief['source'][]): string {
  if (rollout.stage === null) {
    const authority = rollout.authority === 'observe' ? ' Its authority is observe: agents deploy nothing.' : '';
    return `${rollout.version} is applied and has entered no stage; ${rollout.nextStage} comes first.${authority}`;
  }
  const gates = rollout.gates.filter((gate) => sources.includes(gate.source));
  const numbers = gates.map((gate) => `${gate.name} ${measured(gate)}`).join('; ');
  const soak =
    rollout.soakLeftSeconds === null
      ? 'it does not serve on every runner yet'
      : rollout.soakLeftSeconds > 0
        ? `${rollout.soakLeftSeconds} s of its soak are left`
        : 'its soak has elapsed';
  const margin = role === 'cotrr_team' ? marginText(gates) : '';
  return `${rollout.version} is in ${rollout.stage} (epoch ${rollout.stageEpoch}), ${soak}. ${numbers}.${margin}`;
}

function marginText(gates: readonly GateBrief[]): string {
  const latency = gates.find((gate) => gate.metric === 'latency_p95_ms' && gate.value !== null);
  if (latency === undefined || latency.value === null) return '';
  const share = Math.round((1 - latency.value / latency.threshold) * 100);
  return ` That leaves ${share}% of the latency budget.`;
}

/** The critic's challenge: each weakness it finds, or that it found none. */
export function challengeText(brief: Brief): string {
  const found = brief.models.flatMap(({ rollout }) => {
    if (rollout === null || rollout.stage === null) return [];
    const name = `${rollout.model} ${rollout.version} in ${rollout.stage}`;
    const { vote, because } = judgeBrief(rollout);
    const open = vote === 'go' ? [] : because;
    return [...open, ...concerns(rollout)].map((line) => `${name}: ${line}.`);
  });
  if (found.length === 0) return 'I am a rule, not a language model. I found no number in the brief to challenge.';
  return `I am a rule, not a language model. I challenge: ${found.join(' ')}`;
}

/** What a role makes of the challenge: the numbers stand, so only what the brief says can change its mind. */
export function revisionText(role: PlanningRole, brief: Brief): string {
  const { subject, gates } = VIEWPOINTS[role];
  const mine = brief.models.flatMap(({ rollout }) => {
    if (rollout === null || rollout.stage === null) return [];
    const names = rollout.gates.filter((gate) => gates.includes(gate.source)).map((gate) => gate.name);
    return [...concerns(rollout), ...judgeBrief(rollout).because].filter((line) =>
      names.some((name) => line.startsWith(name)),
    );
  });
  const kept = mine.length === 0 ? 'nothing that concerns it' : mine.join('; ');
  return `On ${subject} the challenge leaves: ${kept}. A pass is a pass and what is missing stays missing; my view is unchanged.`;
}

/** Reason of a ballot: what decided, the role's own gates first, and the critic's concerns. */
export function ballotReason(role: PlanningRole, rollout: RolloutBrief): string {
  const { vote, because } = judgeBrief(rollout);
  const names = rollout.gates.filter((g) => VIEWPOINTS[role].gates.includes(g.source)).map((g) => g.name);
  const own = (line: string) => names.some((name) => line.startsWith(name));
  const ordered = [...because.filter(own), ...because.filter((line) => !own(line))];
  const doubts = role === 'critic' && vote === 'go' ? concerns(rollout) : [];
  const noted = doubts.length === 0 ? '' : `. Concerns, a pass being a pass: ${doubts.join('; ')}`;
  const opening = { go: 'Evidence complete', no_go: 'Against', abstain: 'Not enough evidence' }[vote];
  return `${opening}: ${ordered.join('; ') || 'no gate decides'}${noted}`.slice(0, 2000);
}

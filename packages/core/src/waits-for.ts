import { shortDigest } from '@conclave/contracts';
import { missingInStage } from './eligibility.ts';
import { nextStage, type Rollout, type RolloutsState, verdictSetOf } from './folds/rollout.ts';

/** What a person has to do, and the command for it. */
export interface AwaitedPerson {
  readonly sentence: string;
  readonly command: string;
}

/**
 * What an open rollout waits for when it waits for nobody but a person: an answer to its verdicts, the end of a pause, an incident to be
 * resolved. Empty while runners, soak, evidence or a meeting are still to come.
 */
export function awaitedOfPerson(state: RolloutsState, rollout: Rollout, now: Date): AwaitedPerson[] {
  const { definition } = rollout;
  const missing = rollout.stage === undefined ? [] : missingInStage(state, rollout, now);
  const isIncidentGate = (name: string): boolean =>
    definition.gates.find((g) => g.name === name)?.source === 'incidents';
  const others = missing.filter(({ kind, name }) => kind !== 'hold' && !(kind === 'gate' && isIncidentGate(name)));
  if (others.length > 0) return [];
  const held = Object.values(state.holds).map(({ holdId, kind, by, reason }): AwaitedPerson => {
    const sentence = `held (${kind}) by ${by}: ${reason}`;
    return { sentence, command: releaseCommand(state.model, { holdId, kind }) };
  });
  if (held.length > 0) return held;
  const { vote, approval, stage } = rollout;
  const next = nextStage(rollout);
  const verdicts = verdictSetOf(rollout);
  if (stage === undefined || next === undefined || definition.authority !== 'recommend' || missing.length > 0)
    return [];
  if (vote?.verdictSet !== verdicts || vote.decision !== 'go') return [];
  const given = approval?.verdictSet === verdicts ? approval : undefined;
  if (given?.approved === true) return [];
  return [
    {
      sentence:
        given === undefined
          ? `everything for ${next} is there but a person's yes`
          : `${given.by} rejected ${next} (${given.reason}), and everything else for it is there`,
      command: `conclave approve ${definition.model} --verdicts ${shortDigest(verdicts)} --reason ...`,
    },
  ];
}

/** The command that ends a hold. */
export function releaseCommand(model: string, { holdId, kind }: { holdId: string; kind: string }): string {
  return kind === 'incident'
    ? `conclave incident resolve ${holdId} --reason ...`
    : `conclave resume ${model} --reason ...`;
}

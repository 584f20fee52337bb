import type { Ballot } from '@conclave/contracts';
import type { GateBrief, RolloutBrief } from '../../brief/schema.ts';

/*
 * How a `rules` advisor judges a rollout. All six agree on this order, so that none can talk a rollout forward:
 * 1. A deciding gate that failed, an open P0 or a person's rejection is `no_go`.
 * 2. Anything missing (verdict, soak, runner, a hold) is `abstain`: missing data never passes.
 * 3. Only then `go`.
 */

/** Deciding gates that failed and that no operator has overridden. */
export function failedGates(rollout: RolloutBrief): GateBrief[] {
  return rollout.gates.filter((gate) => gate.decides && gate.outcome === 'fail' && gate.overridden === null);
}

export function judgeBrief(rollout: RolloutBrief): { vote: Ballot['vote']; because: string[] } {
  const against = [
    ...failedGates(rollout).map((gate) => `${gate.name} failed: ${measured(gate)}`),
    ...rollout.openP0.map((incident) => `P0 incident open: ${incident}`),
    ...(rollout.approval?.approved === false
      ? [`${rollout.approval.by} rejected this stage: ${rollout.approval.reason}`]
      : []),
  ];
  if (against.length > 0) return { vote: 'no_go', because: against };
  if (rollout.missing.length > 0) {
    return { vote: 'abstain', because: rollout.missing.map((missing) => missing.sentence) };
  }
  return { vote: 'go', because: rollout.gates.filter((gate) => gate.decides).map(standing) };
}

/** A gate's numbers in one phrase. */
export function measured(gate: GateBrief): string {
  if (gate.value === null) return `${gate.outcome} (${gate.sentence})`;
  const interval = gate.interval === null ? '' : ` [${round(gate.interval.low)}, ${round(gate.interval.high)}]`;
  return `${round(gate.value)}${interval} ${gate.operator} ${gate.threshold} on ${gate.samples} samples: ${gate.outcome}`;
}

function standing(gate: GateBrief): string {
  if (gate.overridden !== null) {
    return `${gate.name} was overridden by ${gate.overridden.by} (${gate.overridden.reason})`;
  }
  return `${gate.name} ${measured(gate)}`;
}

/** What a pass leaves open: said aloud, without changing the vote. */
export function concerns(rollout: RolloutBrief): string[] {
  return rollout.gates.flatMap((gate) => {
    const found: string[] = [];
    if (gate.overridden !== null) found.push(`${gate.name} counts only by ${gate.overridden.by}'s override`);
    if (gate.outcome === 'pass' && crossesThreshold(gate)) {
      found.push(
        `${gate.name} passes at ${round(gate.value ?? 0)}, but its interval [${round(gate.interval?.low ?? 0)}, ${round(gate.interval?.high ?? 0)}] crosses the threshold ${gate.threshold}`,
      );
    }
    if (gate.outcome === 'pass' && gate.minSamples > 0 && gate.samples < 2 * gate.minSamples) {
      found.push(`${gate.name} rests on ${gate.samples} samples, near its minimum of ${gate.minSamples}`);
    }
    if (!gate.decides && gate.outcome === 'fail') found.push(`${gate.name} fails but does not decide`);
    return found;
  });
}

function crossesThreshold({ interval, operator, threshold }: GateBrief): boolean {
  if (interval === null) return false;
  return operator === '>=' ? interval.low < threshold : interval.high > threshold;
}

function round(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}

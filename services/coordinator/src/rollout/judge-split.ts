import { type RunnerStatus, shareOf } from '@conclave/contracts';
import { percent, type Rollout } from '@conclave/core';
import type { StageTelemetry } from '../gates/stage-telemetry.ts';

/** The measured split of a stage held against the one that was asked for. */
export interface SplitReport {
  readonly asked: number;
  /** The candidate's part of the live requests in this stage, 0 to 1; null while there are none. */
  readonly measured: number | null;
  readonly candidateRequests: number;
  readonly stableRequests: number;
  /** What there is to say about it, one sentence each; empty while the split is as asked. */
  readonly sentences: string[];
  /** Why the share is far above the asked one, so that the rollout must stop. */
  readonly excess: string | undefined;
}

/** Chance, over all looks at a stage together, that independent requests at the asked share stop the rollout. */
const STOP_ERROR = 1e-6;
/** The same for the remark that the candidate gets less than its share. */
const REMARK_ERROR = 1e-3;
/** A share up to this part above the asked one stops nothing, however sure it is. */
const FAR = 1.25;
/** What a sound runner may give beyond the share: 3 standard deviations of its requests and 1 (its split holds that), with a margin. */
const RUNNER_DEVIATIONS = 4;
const RUNNER_REQUESTS = 2;
/** From here on one key is worth a sentence. */
const DOMINANT = 0.5;

/**
 * Judges the split of the present stage; undefined where no live share is asked for. Requests of a rollback test are not in it.
 *
 * Far above means all of: more than a quarter beyond the asked share; more than sound runners can give, whatever keys users choose; and
 * n KL(c/n || s) >= ln((n + 1) / 1e-6) with c of n live requests at share s. The last holds at every look of all windows together
 * with an error of at most 1e-6: the left side is bounded by the mixture likelihood ratio, a martingale (Ville 1939; Robbins 1970).
 */
export function judgeSplit(
  rollout: Rollout,
  telemetry: StageTelemetry,
  runners: readonly RunnerStatus[],
): SplitReport | undefined {
  if (rollout.stage === undefined) return undefined;
  const asked = shareOf(rollout.stage);
  if (asked === 0 || asked === 1) return undefined;
  const { candidateLiveRequests: candidateRequests, stableRequests } = telemetry;
  const n = candidateRequests + stableRequests;
  const measured = n === 0 ? null : candidateRequests / n;
  const excess = excessOf(rollout, telemetry, asked);
  const lack = isFarFrom(candidateRequests, n, asked, REMARK_ERROR) && candidateRequests < asked * n;
  const parts = Object.values(telemetry.runners);
  const dominant = parts.reduce((sum, { requests, dominantKey }) => sum + (requests * dominantKey) / n, 0);
  const sentences = [
    ...(excess === undefined ? [] : [excess]),
    ...(lack ? [lackOf(rollout, candidateRequests, n, asked, runners)] : []),
    ...(dominant >= DOMINANT ? [dominanceOf(dominant)] : []),
  ];
  return { asked, measured, candidateRequests, stableRequests, sentences, excess };
}

function excessOf({ definition }: Rollout, telemetry: StageTelemetry, asked: number): string | undefined {
  const { candidateLiveRequests: c, stableRequests } = telemetry;
  const n = c + stableRequests;
  const margins = Object.values(telemetry.runners).map(
    ({ requests }) => RUNNER_DEVIATIONS * Math.sqrt(requests * asked * (1 - asked)) + RUNNER_REQUESTS,
  );
  const most = asked * n + margins.reduce((sum, margin) => sum + margin, 0);
  if (c <= most || c <= FAR * asked * n || !isFarFrom(c, n, asked, STOP_ERROR)) return undefined;
  return `${percent(asked)} of the live requests were asked for, and ${definition.version} answered ${c} of ${n} (${percent(c / n)}): far more than chance and any choice of client keys explain, so the split on ${Object.keys(telemetry.runners).join(', ')} does not hold`;
}

function lackOf(
  { definition, stageEpoch }: Rollout,
  c: number,
  n: number,
  asked: number,
  runners: readonly RunnerStatus[],
): string {
  const reasons = runners
    .filter(({ roles }) => roles.includes('serve'))
    .flatMap(({ runner, models }) => {
      const model = models.find((one) => one.model === definition.model);
      const there = model?.versions.find((one) => one.digest === definition.digest && one.stageEpoch === stageEpoch);
      if (there === undefined) return [`${runner} does not serve it`];
      if (there.state !== 'ready') return [`on ${runner} it is ${there.state} (${there.detail})`];
      return model?.confirmed === false ? [`${runner} hears no leader and serves stable only`] : [];
    });
  const why =
    reasons.length > 0
      ? reasons.join('; ')
      : 'it was not ready, or no leader was heard, for a part of the stage; the share is met from now on and what is lacking is not made up';
  return `${percent(asked)} of the live requests were asked for, and ${definition.version} answered ${c} of ${n} (${percent(c / n)}): ${why}`;
}

function dominanceOf(share: number): string {
  const who = share > 0.995 ? 'all requests carry' : `${percent(share)} of the requests carry`;
  return `${who} one client key: they are split request by request, so this client meets both versions; give each user a key of their own (x-client-key)`;
}

/** Whether c of n is further from the share than chance explains, at every look together with at most this error. */
function isFarFrom(c: number, n: number, share: number, error: number): boolean {
  if (n === 0) return false;
  const p = c / n;
  const term = (q: number, r: number): number => (q === 0 ? 0 : q * Math.log(q / r));
  return n * (term(p, share) + term(1 - p, 1 - share)) >= Math.log((n + 1) / error);
}

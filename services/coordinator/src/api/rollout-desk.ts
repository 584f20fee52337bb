import type { ApiRequest, DeployAnswer, LiveGates } from '@conclave/contracts';

/** What the leader's verbs ask of whoever runs the rollouts. */
export interface RolloutDesk {
  deploy(request: ApiRequest<'deploy'>): Promise<DeployAnswer>;
  /** The gates of a model's open rollout as the evidence stands now, recorded or not; undefined when none is open. */
  live(model: string): LiveGates | undefined;
}

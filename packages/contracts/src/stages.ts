import { z } from 'zod';

/** The stages in order. Shares are fixed by name; `shadow` mirrors traffic and answers nobody. */
export const STAGES = ['shadow', '5_percent', '20_percent', '50_percent', 'production'] as const;
export const stageName = z.enum(STAGES);
export type StageName = z.infer<typeof stageName>;

const SHARES: Record<StageName, number> = {
  shadow: 0,
  '5_percent': 0.05,
  '20_percent': 0.2,
  '50_percent': 0.5,
  production: 1,
};

/** Share of live traffic of a stage, 0 to 1. */
export function shareOf(stage: StageName): number {
  return SHARES[stage];
}

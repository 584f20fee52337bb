import { STAGES, type StageName, sha256 } from '@conclave/contracts';
import type { RolloutsState } from '@conclave/core';
import { type History, history } from '@conclave/histories';

/** Digests of the versions and the dataset of model `tiny`. */
export const VERSIONS = { '1.0': sha256('1.0'), '1.1': sha256('1.1'), dataset: sha256('dataset') };

/** A history of `tiny`, which begins with nothing. */
export function tinyHistory(digests: Readonly<Record<string, string>> = VERSIONS): History {
  return history({ model: 'tiny', stable: '1.0', candidate: '1.1', dataset: 'dataset', digests });
}

const to = (stage: StageName): History => {
  const told = tinyHistory().adopted().applied({ rolloutId: 'r-1', soakSeconds: 1 });
  for (const name of STAGES.slice(0, STAGES.indexOf(stage) + 1)) told.entered(name);
  return told;
};

/** 1.0 serves, no rollout. */
export const adopted = (): RolloutsState => tinyHistory().adopted().rolloutsOf();
/** A rollout of 1.1 was applied, no stage entered. */
export const rolledOut = (): RolloutsState => tinyHistory().adopted().applied({ rolloutId: 'r-1' }).rolloutsOf();
/** The rollout of 1.1 has entered a stage; its epoch is the stage's place in the order, from 1. */
export const inStage = (stage: StageName): RolloutsState => to(stage).rolloutsOf();
export const aborted = (): RolloutsState => to('production').aborted().rolloutsOf();
/** 1.1 was completed and taken back to 1.0. */
export const reverted = (): RolloutsState => to('production').completed().reverted().rolloutsOf();
export const completed = (): RolloutsState => to('production').completed().rolloutsOf();

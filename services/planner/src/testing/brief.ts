import { conclaveConfig } from '@conclave/contracts';
import { at, type History, meetingWork } from '@conclave/histories';
import { makeBrief } from '../brief/make-brief.ts';
import type { ProjectDocument } from '../brief/project-documents.ts';
import type { Brief, RolloutBrief } from '../brief/schema.ts';

const config = conclaveConfig.parse({});

/** The brief of a history at `seconds`. */
export function briefOf(history: History, seconds = 60, documents: readonly ProjectDocument[] = []): Brief {
  return makeBrief(history.world, meetingWork(), at(seconds), config, documents);
}

/** The open rollout of a brief. @throws when there is none. */
export function rolloutIn(brief: Brief): RolloutBrief {
  const rollout = brief.models[0]?.rollout;
  if (rollout === null || rollout === undefined) throw new Error('no rollout is open in this brief');
  return rollout;
}

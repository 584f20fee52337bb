import { z } from 'zod';
import { digest, modelName, versionName } from '../names.ts';
import { openObject } from '../open-object.ts';
import { severity } from '../submissions.ts';
import { eventOf } from './event.ts';

/** Events of `conclave.journal.models.<name>`: registered bundles and datasets. Single writer: the coordinator. */
export const modelEvent = z.discriminatedUnion('type', [
  eventOf(
    'model.registered',
    openObject({
      model: modelName,
      version: versionName,
      digest,
      description: z.string(),
      bytes: z.number().int(),
      by: z.string(),
    }),
  ),
  eventOf(
    'dataset.registered',
    openObject({
      name: modelName,
      digest,
      description: z.string(),
      documents: z.number().int(),
      queries: z.number().int(),
      bytes: z.number().int(),
      by: z.string(),
    }),
  ),
]);
export type ModelEvent = z.infer<typeof modelEvent>;

/** The incident tells of all messages of a stream that do not count, up to a sequence. */
const quarantined = openObject({ stream: z.string(), throughSeq: z.number().int().positive() });

/** Events of `conclave.journal.incidents.<id>`. Single writer: the coordinator. */
export const incidentEvent = z.discriminatedUnion('type', [
  eventOf(
    'incident.opened',
    openObject({
      incidentId: z.string(),
      severity,
      title: z.string(),
      detail: z.string(),
      model: modelName.optional(),
      source: z.string(),
      quarantined: quarantined.optional(),
    }),
  ),
  /** The same happened again while it was open. Recorded at each doubling of the count alone, which is therefore the least. */
  eventOf(
    'incident.reported_again',
    openObject({ incidentId: z.string(), count: z.number().int().min(2), quarantined: quarantined.optional() }),
  ),
  eventOf('incident.acknowledged', openObject({ incidentId: z.string(), by: z.string() })),
  eventOf('incident.resolved', openObject({ incidentId: z.string(), by: z.string(), reason: z.string() })),
]);
export type IncidentEvent = z.infer<typeof incidentEvent>;

/** Events of `conclave.journal.roadmap`. Single writer: the coordinator, from `conclave.insight`. */
export const roadmapEvent = z.discriminatedUnion('type', [
  eventOf(
    'roadmap.insight_recorded',
    openObject({ insightId: z.string(), text: z.string(), line: z.string(), source: z.string() }),
  ),
]);
export type RoadmapEvent = z.infer<typeof roadmapEvent>;

import { z } from 'zod';
import { ConclaveError } from './errors.ts';
import { entityId, modelName } from './names.ts';
import { zodMessage } from './zod-message.ts';

export const severity = z.enum(['P0', 'P1', 'P2', 'P3']);
export type Severity = z.infer<typeof severity>;

/**
 * Body of `conclave.incident` as it should be; what comes is read by `readIncident`. An open P0 holds every advance of the model (of all
 * models if none is named).
 */
export const incidentReport = z.strictObject({
  id: entityId.optional().describe('The same id is the same incident; made up when left out.'),
  severity: severity.describe('P0 holds every advance until it is resolved.'),
  title: z.string().min(1).max(300).describe('What has happened, in a line.'),
  detail: z.string().max(4000).default('').describe('What is known about it.'),
  model: modelName.optional().describe('The model it concerns; all when left out.'),
  source: z.string().max(200).default('').describe('Who reports it, for people.'),
});
export type IncidentReport = z.infer<typeof incidentReport>;

/** Body of `conclave.insight`: something learnt that the next meeting should know. */
export const insightNote = z.strictObject({
  id: entityId.optional().describe('The same id is the same insight; made up when left out.'),
  text: z.string().min(1).max(4000).describe('What was learnt.'),
  line: z.string().max(100).default('v1_production').describe('Research line it belongs to, e.g. `v2_research`.'),
  source: z.string().max(200).default('').describe('Who learnt it, for people.'),
});
export type InsightNote = z.infer<typeof insightNote>;

/** @throws CVE_INSIGHT_INVALID */
export function parseInsight(input: unknown): InsightNote {
  const parsed = insightNote.safeParse(input);
  if (parsed.success) return parsed.data;
  throw new ConclaveError(
    'CVE_INSIGHT_INVALID',
    `the insight is not valid: ${zodMessage(parsed.error, input)}; send {"text":"..."}`,
  );
}

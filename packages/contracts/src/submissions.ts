import { z } from 'zod';
import { ConclaveError } from './errors.ts';
import { entityId, modelName } from './names.ts';
import { zodMessage } from './zod-message.ts';

export const severity = z.enum(['P0', 'P1', 'P2', 'P3']);
export type Severity = z.infer<typeof severity>;

/** Body of `conclave.incident`: opens an incident. An open P0 holds every advance of the model (of all models if none is named). */
export const incidentReport = z.strictObject({
  id: entityId.optional(),
  severity,
  title: z.string().min(1).max(300),
  detail: z.string().max(4000).default(''),
  model: modelName.optional(),
  source: z.string().max(200).default(''),
});
export type IncidentReport = z.infer<typeof incidentReport>;

/** Body of `conclave.insight`: something learnt that the next meeting should know. */
export const insightNote = z.strictObject({
  id: entityId.optional(),
  text: z.string().min(1).max(4000),
  /** Research line it belongs to, e.g. `v2_research`. */
  line: z.string().max(100).default('v1_production'),
  source: z.string().max(200).default(''),
});
export type InsightNote = z.infer<typeof insightNote>;

/** @throws CVE_INCIDENT_INVALID */
export function parseIncident(input: unknown): IncidentReport {
  const parsed = incidentReport.safeParse(input);
  if (parsed.success) return parsed.data;
  throw new ConclaveError(
    'CVE_INCIDENT_INVALID',
    `the incident report is not valid: ${zodMessage(parsed.error, input)}; send {"severity":"P0","title":"..."}`,
  );
}

/** @throws CVE_INSIGHT_INVALID */
export function parseInsight(input: unknown): InsightNote {
  const parsed = insightNote.safeParse(input);
  if (parsed.success) return parsed.data;
  throw new ConclaveError(
    'CVE_INSIGHT_INVALID',
    `the insight is not valid: ${zodMessage(parsed.error, input)}; send {"text":"..."}`,
  );
}

import { ConclaveError } from './errors.ts';
import { entityId, modelName } from './names.ts';
import { knownNames } from './nearest.ts';
import type { IncidentReport, Severity } from './submissions.ts';
import { brief } from './zod-message.ts';

/*
 * An incident report is read as generously as possible, because a P0 that is refused for its form is a P0 that nobody hears of.
 * 1. The severity decides: read in any case and by its usual names. Only a report without one that can be read is no report.
 * 2. Everything else is cut, dropped or kept in the detail, and what was done is said there.
 * 3. In doubt a report counts for more: of all models where the one it names is unknown.
 */

const LIMITS = { title: 300, detail: 4000, source: 200 } as const;

/** Names in use elsewhere, in lower case without blanks and dashes. `sev1` and `1` are the worst of a scale that knows no 0. */
const SEVERITIES: Readonly<Record<string, Severity>> = {
  ...names(
    'P0',
    'p0',
    'sev0',
    's0',
    '0',
    'sev1',
    's1',
    '1',
    'critical',
    'crit',
    'blocker',
    'emergency',
    'fatal',
    'disaster',
  ),
  ...names('P1', 'p1', 'high', 'major', 'error'),
  ...names('P2', 'p2', 'sev2', 's2', '2', 'medium', 'moderate', 'warning', 'warn'),
  ...names('P3', 'p3', 'sev3', 's3', '3', 'low', 'minor', 'info', 'informational', 'notice'),
};

function names(severity: Severity, ...all: string[]): Record<string, Severity> {
  return Object.fromEntries(all.map((name) => [name, severity]));
}

/** The severity that somebody wrote, e.g. `p0`, ` P-0 `, `SEV0`, `Critical`; undefined for anything else. */
export function severityOf(value: unknown): Severity | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  const name = String(value)
    .toLowerCase()
    .replace(/[\s_-]+/g, '')
    .replace(/^(severity|priority|prio)/, '');
  return Object.hasOwn(SEVERITIES, name) ? SEVERITIES[name] : undefined;
}

export interface ReadIncident {
  readonly report: IncidentReport;
  /** What was read otherwise than it was written, one sentence each; the report's detail says so too. */
  readonly doubts: readonly string[];
  /** Those of them that say that an id or a model cannot be one. */
  readonly unusable: readonly string[];
}

/**
 * @param models the models that exist; a report on another one is one on all of them
 * @throws CVE_INCIDENT_INVALID when no severity can be read
 */
export function readIncident(input: unknown, models?: readonly string[]): ReadIncident {
  const fields = fieldsOf(input);
  const given = fields.get('severity');
  const severity = severityOf(given);
  if (severity === undefined) {
    throw new ConclaveError(
      'CVE_INCIDENT_INVALID',
      `the incident report has no severity that can be read: ${fields.size === 0 ? `it is ${brief(input)}` : `severity is ${given === undefined ? 'missing' : brief(given)}`}; send {"severity":"P0","title":"..."}, with P0, P1, P2 or P3`,
    );
  }
  const unusable: string[] = [];
  const id = nameOf(fields.get('id'), entityId, 'id', unusable);
  const named = nameOf(lower(fields.get('model')), modelName, 'model', unusable);
  const doubts = [...unusable];
  const model = existing(named, models, doubts);
  const source = cutText('source', textOf(fields.get('source')), doubts);
  const written = textOf(fields.get('title'));
  if (written === '') doubts.push('it came without a title');
  const title = written === '' ? 'an incident without a title' : cutText('title', written, doubts);
  const others = [...fields].filter(([name]) => !KNOWN_FIELDS.has(name));
  if (others.length > 0) doubts.push(`other fields: ${JSON.stringify(Object.fromEntries(others))}`);
  const notes = doubts.length === 0 ? '' : `Read in doubt: ${doubts.join('; ')}`;
  const detail = [textOf(fields.get('detail')), notes, title.length < written.length ? written : ''];
  return {
    report: {
      severity,
      title,
      detail: cut(detail.filter((part) => part !== '').join('\n'), LIMITS.detail),
      source,
      ...(id === undefined ? {} : { id }),
      ...(model === undefined ? {} : { model }),
    },
    doubts,
    unusable,
  };
}

/**
 * A report by somebody who waits for the answer, and may mend it: an id or a model that cannot be one is refused.
 * @throws CVE_INCIDENT_INVALID
 */
export function parseIncident(input: unknown): IncidentReport {
  const { report, unusable } = readIncident(input);
  if (unusable.length === 0) return report;
  throw new ConclaveError('CVE_INCIDENT_INVALID', `the incident report is not valid: ${unusable.join('; ')}`);
}

const KNOWN_FIELDS: ReadonlySet<string> = new Set(['id', 'severity', 'title', 'detail', 'model', 'source']);

/** The fields by name in lower case; what is null is left out. Where two names differ by case alone, the exact one counts. */
function fieldsOf(input: unknown): Map<string, unknown> {
  const fields = new Map<string, unknown>();
  if (typeof input !== 'object' || input === null || Array.isArray(input)) return fields;
  const entries = Object.entries(input).filter(([, value]) => value !== null && value !== undefined);
  for (const [name, value] of entries) {
    const key = name.trim().toLowerCase();
    if (name === key || !fields.has(key)) fields.set(key, value);
  }
  return fields;
}

function textOf(value: unknown): string {
  if (value === undefined) return '';
  return (typeof value === 'string' ? value : JSON.stringify(value)).trim();
}

function cutText(field: 'title' | 'source', text: string, doubts: string[]): string {
  if (text.length > LIMITS[field]) doubts.push(`its ${field} had ${text.length} characters and was cut`);
  return cut(text, LIMITS[field]);
}

function cut(text: string, limit: number): string {
  return text.length > limit ? `${text.slice(0, limit - 1)}…` : text;
}

function nameOf(value: unknown, schema: typeof entityId, field: string, unusable: string[]): string | undefined {
  if (value === undefined || value === '') return undefined;
  const text = typeof value === 'number' ? String(value) : typeof value === 'string' ? value.trim() : value;
  const parsed = schema.safeParse(text);
  if (parsed.success) return parsed.data;
  unusable.push(
    `its ${field} does not count, ${parsed.error.issues[0]?.message ?? 'it is no name'} (got ${brief(value)})`,
  );
  return undefined;
}

function lower(value: unknown): unknown {
  return typeof value === 'string' ? value.toLowerCase() : value;
}

function existing(
  model: string | undefined,
  models: readonly string[] | undefined,
  doubts: string[],
): string | undefined {
  if (model === undefined || models === undefined || models.includes(model)) return model;
  doubts.push(`it names the model "${model}", which does not exist (${knownNames(model, models) ?? 'none does'})`);
  return undefined;
}

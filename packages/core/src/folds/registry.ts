import type { Commit, IncidentEvent, ModelEvent, RoadmapEvent, Severity } from '@conclave/contracts';
import { newestEntries } from './shelves.ts';

export interface RegisteredModel {
  readonly model: string;
  readonly version: string;
  readonly digest: string;
  readonly description: string;
  readonly bytes: number;
  readonly by: string;
  readonly at: string;
}

export interface RegisteredDataset {
  readonly name: string;
  readonly digest: string;
  readonly description: string;
  readonly documents: number;
  readonly queries: number;
  readonly by: string;
  readonly at: string;
}

/**
 * What stands on one `models.<name>` subject: a model's versions, or a dataset's registrations (last one wins). The newest
 * `KEPT_REGISTRATIONS`, at most a quarter more, and those in use; who wants an older version again pushes it again.
 */
export interface RegistryEntry {
  readonly seq: number;
  readonly versions: Readonly<Record<string, RegisteredModel>>;
  readonly datasets: readonly RegisteredDataset[];
}

const KEPT_REGISTRATIONS = 200;

export function initialRegistryEntry(): RegistryEntry {
  return { seq: 0, versions: {}, datasets: [] };
}

export function foldRegistryEntry(state: RegistryEntry, commit: Commit<ModelEvent>): RegistryEntry {
  let { versions, datasets } = state;
  for (const event of commit.events) {
    if (event.type === 'model.registered')
      versions = { ...versions, [event.data.version]: { ...event.data, at: event.at } };
    else datasets = [...datasets, { ...event.data, at: event.at }];
  }
  return { seq: commit.seq, versions, datasets };
}

/** An entry without the oldest registrations that are not in use. */
export function withoutOldest(entry: RegistryEntry, isInUse: (digest: string) => boolean): RegistryEntry {
  const { versions, datasets } = entry;
  const age = ({ at }: { readonly at: string }): number => Date.parse(at);
  const newest = newestEntries(versions, KEPT_REGISTRATIONS, age, ({ digest }) => isInUse(digest));
  if (4 * datasets.length <= 5 * KEPT_REGISTRATIONS) return { ...entry, versions: newest };
  const from = datasets.length - KEPT_REGISTRATIONS;
  return { ...entry, versions: newest, datasets: datasets.filter((d, n) => n >= from || isInUse(d.digest)) };
}

export interface Incident {
  readonly incidentId: string;
  readonly seq: number;
  readonly severity: Severity;
  readonly title: string;
  readonly detail: string;
  readonly model: string | undefined;
  readonly source: string;
  /** How often it was reported at least; absent: once. */
  readonly reports?: number;
  readonly openedAt: string;
  readonly acknowledgedBy: string | undefined;
  readonly resolved: { readonly by: string; readonly reason: string; readonly at: string } | undefined;
}

/** Folds one incident's commits; undefined until it is opened. */
export function foldIncident(state: Incident | undefined, commit: Commit<IncidentEvent>): Incident | undefined {
  let incident = state;
  for (const event of commit.events) {
    if (event.type === 'incident.opened') {
      const { model, ...rest } = event.data;
      incident ??= {
        ...rest,
        model,
        seq: commit.seq,
        openedAt: event.at,
        acknowledgedBy: undefined,
        resolved: undefined,
      };
    } else if (incident !== undefined && event.type === 'incident.reported_again')
      incident = { ...incident, reports: event.data.count };
    else if (incident !== undefined && event.type === 'incident.acknowledged')
      incident = { ...incident, acknowledgedBy: event.data.by };
    else if (incident !== undefined && event.type === 'incident.resolved') {
      incident = { ...incident, resolved: { by: event.data.by, reason: event.data.reason, at: event.at } };
    }
  }
  return incident === undefined ? undefined : { ...incident, seq: commit.seq };
}

export interface Insight {
  readonly insightId: string;
  readonly text: string;
  readonly line: string;
  readonly source: string;
  readonly at: string;
}

export interface Roadmap {
  readonly seq: number;
  /** Newest first, at most 100. */
  readonly insights: readonly Insight[];
}

export function initialRoadmap(): Roadmap {
  return { seq: 0, insights: [] };
}

export function foldRoadmap(state: Roadmap, commit: Commit<RoadmapEvent>): Roadmap {
  const added = commit.events.map((event): Insight => ({ ...event.data, at: event.at })).reverse();
  return { seq: commit.seq, insights: [...added, ...state.insights].slice(0, 100) };
}

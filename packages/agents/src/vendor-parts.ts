import type { VendorName } from '@conclave/contracts';
import type { ChatModel } from './chat-model.ts';
import type { Family, VendorSettings } from './vendor-settings.ts';

/** One vendor of language models: all that is particular to it. `vendors/<name>.ts` exports it as `vendor`. */
export interface Vendor {
  readonly name: VendorName;
  readonly key: VendorKey;
  /**
   * Servers of others speak its protocol. At another address it needs a key only where the chair names a variable, and doctor offers it for
   * the servers that it finds on this machine.
   */
  readonly isSpokenByOthers: boolean;
  /** Living ids of each tier, newest first. A chair names a tier; the newest of its ids that the vendor lists speaks. */
  readonly tiers: Readonly<Record<string, readonly string[]>>;
  /** The day from which a model no longer answers, by its id (ISO 8601). Used where the vendor's list cannot be had or gives no date. */
  readonly shutdowns: Readonly<Record<string, string>>;
  /** Which parameters its models take; the first row that matches the id, in lower case and without a gateway's prefix, holds. */
  readonly families: readonly FamilyRow[];
  /** The adapter: one of its models, opened to be asked. */
  open(settings: VendorSettings): ChatModel;
  /**
   * What it offers to a key, by its own list.
   * @throws what `failureOf` makes of its answers, and whatever its SDK throws otherwise
   */
  list(options: ListOptions): AsyncGenerator<ListedModel>;
}

export interface VendorKey {
  /** The environment variable that holds it, unless a chair names another. */
  readonly variable: string;
  /** Names that the vendor's own tools read. Nobody reads them here, and doctor says so. */
  readonly otherNames: readonly string[];
  /** Where a person gets one, without the scheme. */
  readonly page: string;
}

export interface FamilyRow extends Family {
  readonly ids: RegExp;
}

export interface ListedModel {
  readonly id: string;
  /** ISO 8601 date from which the vendor no longer serves it; undefined while it has announced none. */
  readonly shutdownOn: string | undefined;
}

export interface ListOptions {
  readonly apiKey: string;
  readonly baseUrl: string | undefined;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Who is asked for a list, as errors call it. */
export function listSpeaker(adapter: VendorName) {
  return { adapter, model: 'model list' } as const;
}

/** The ISO day of a vendor's date, however it is written; undefined for none. */
export function dayOf(date: string | null | undefined): string | undefined {
  if (date === null || date === undefined) return undefined;
  const iso = /^\d{4}-\d{2}-\d{2}/.exec(date)?.[0];
  if (iso !== undefined) return iso;
  const parsed = Date.parse(date.replace(/(\d)(?:st|nd|rd|th)\b/, '$1'));
  return Number.isNaN(parsed) ? undefined : new Date(parsed).toISOString().slice(0, 10);
}

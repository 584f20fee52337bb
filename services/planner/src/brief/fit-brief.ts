import type { Brief } from './schema.ts';

/** Largest brief, in bytes of its JSON: half of what one commit takes, which also holds the rest of `meeting.opened`. */
export const BRIEF_LIMIT_BYTES = 256 * 1024;

/** The newest results outlast the text of documents; shorter text than this is not cut further. */
const LAST_CUT = { results: 10, documentText: 1000 } as const;

/** Takes one piece away; undefined when it has none to take. */
type Cut = (brief: Brief) => Brief | undefined;

/** In this order, each until it has nothing left to take. */
const CUTS: readonly Cut[] = [
  (brief) => (brief.results.length > LAST_CUT.results ? withoutOldestResult(brief) : undefined),
  withHalfTheLongestDocument,
  (brief) => (brief.results.length > 0 ? withoutOldestResult(brief) : undefined),
];

/** The brief, without its oldest results and the ends of its documents as far as it would be too large with them. */
export function fitBrief(brief: Brief): Brief {
  let fitting = brief;
  for (const cut of CUTS) {
    for (let next = cut(fitting); next !== undefined && isTooLarge(fitting); next = cut(fitting)) fitting = next;
  }
  return fitting;
}

function isTooLarge(brief: Brief): boolean {
  return Buffer.byteLength(JSON.stringify(brief)) > BRIEF_LIMIT_BYTES;
}

function withoutOldestResult(brief: Brief): Brief {
  return { ...brief, results: brief.results.slice(1), resultsLeftOut: (brief.resultsLeftOut ?? 0) + 1 };
}

function withHalfTheLongestDocument(brief: Brief): Brief | undefined {
  const longest = brief.documents.toSorted((a, b) => b.text.length - a.text.length)[0];
  if (longest === undefined || longest.text.length <= LAST_CUT.documentText) return undefined;
  const text = longest.text.slice(0, Math.floor(longest.text.length / 2));
  return {
    ...brief,
    documents: brief.documents.map((document) => (document === longest ? { ...document, text, cut: true } : document)),
  };
}

import type { BundleManifest } from '@conclave/contracts';

type Tokenizer = Extract<BundleManifest['query'], { kind: 'text' }>['tokenizer'];

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** FNV-1a, 32 bits, of the UTF-8 bytes of a text (Fowler, Noll, Vo; RFC 9923). */
export function fnv1a32(text: string): number {
  let hash = FNV_OFFSET;
  for (const byte of Buffer.from(text, 'utf8')) hash = Math.imul(hash ^ byte, FNV_PRIME);
  return hash >>> 0;
}

/**
 * The `hashed-ngrams` tokenizer of docs/bundles.md: each word (NFKC, lower case, split on all but letters and numbers) is
 * hashed as a whole and as the n-grams of code points of `<word>`, in the order of `ngrams`, left to right.
 * @returns `maxTokens` ids: 1..buckets, then 0 as padding
 */
export function hashedNgrams(text: string, { buckets, maxTokens, ngrams }: Tokenizer): number[] {
  const ids: number[] = [];
  for (const feature of featuresOf(text, ngrams)) {
    ids.push(1 + (fnv1a32(feature) % buckets));
    if (ids.length === maxTokens) return ids;
  }
  while (ids.length < maxTokens) ids.push(0);
  return ids;
}

function* featuresOf(text: string, ngrams: readonly number[]): Generator<string, void, void> {
  for (const word of wordsOf(text)) {
    yield `w:${word}`;
    for (const n of ngrams) {
      const run: string[] = [];
      for (const point of `<${word}>`) {
        run.push(point);
        if (run.length < n) continue;
        yield `g:${run.join('')}`;
        run.shift();
      }
    }
  }
}

/** Neither NFKC nor lower-casing looks across ASCII white space, so a long text need not be taken whole. */
function* wordsOf(text: string): Generator<string, void, void> {
  for (const [piece] of text.matchAll(/[^ \t\n\v\f\r]+/g)) {
    for (const [word] of piece
      .normalize('NFKC')
      .toLowerCase()
      .matchAll(/[\p{L}\p{N}]+/gu))
      yield word;
  }
}

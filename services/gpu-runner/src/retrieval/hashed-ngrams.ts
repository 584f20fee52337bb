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
  const add = (feature: string) => ids.push(1 + (fnv1a32(feature) % buckets));
  const words =
    text
      .normalize('NFKC')
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu) ?? [];
  for (const word of words) {
    if (ids.length >= maxTokens) break;
    add(`w:${word}`);
    const points = [...`<${word}>`];
    for (const n of ngrams) {
      for (let start = 0; start + n <= points.length; start++) add(`g:${points.slice(start, start + n).join('')}`);
    }
  }
  ids.length = Math.min(ids.length, maxTokens);
  while (ids.length < maxTokens) ids.push(0);
  return ids;
}

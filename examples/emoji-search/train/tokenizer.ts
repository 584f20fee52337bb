/** The bundle's `hashed-ngrams` tokenizer, written a second time so that the parity check depends on nothing else. */

export interface HashedNgrams {
  readonly buckets: number;
  readonly maxTokens: number;
  readonly ngrams: readonly number[];
}

function fnv1a32(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}

/** Returns at most `maxTokens` ids in 1..buckets. */
export function tokenize(text: string, { buckets, maxTokens, ngrams }: HashedNgrams): number[] {
  const words =
    text
      .normalize('NFKC')
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu) ?? [];
  const tokens = words.flatMap((word) => {
    const points = [...`<${word}>`];
    const grams = ngrams.flatMap((size) =>
      points
        .slice(0, Math.max(0, points.length - size + 1))
        .map((_, at) => `g:${points.slice(at, at + size).join('')}`),
    );
    return [`w:${word}`, ...grams];
  });
  return tokens.slice(0, maxTokens).map((token) => 1 + (fnv1a32(token) % buckets));
}

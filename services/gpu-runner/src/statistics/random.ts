/**
 * A seeded generator of uniform numbers in [0, 1): mulberry32 (Tommy Ettinger), 32 bits of state. Resampling must give
 * the same interval for the same measurements, on every runner and at every repetition.
 * @param seed any text, e.g. a digest
 */
export function seededRandom(seed: string): () => number {
  let state = 0x811c9dc5;
  for (const byte of Buffer.from(seed)) state = Math.imul(state ^ byte, 0x01000193);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

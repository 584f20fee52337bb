import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Split, splitPoint } from './split-requests.ts';

const SHARES = [0.05, 0.2, 0.5] as const;

/** Uniform numbers that are the same in every run (Park & Miller 1988). */
function seeded(seed: number): () => number {
  let state = 1 + (Math.abs(seed) % 2147483646);
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}

/** Names of clients whose keys fall into a range of points. */
function keysIn(low: number, high: number, count: number): string[] {
  const found: string[] = [];
  for (let i = 0; found.length < count; i++) {
    const point = splitPoint('m', `k${i}`);
    if (point >= low && point < high) found.push(`k${i}`);
  }
  return found;
}
const [BELOW = '', ...MANY_BELOW] = keysIn(0, 0.05, 201);
const [ABOVE = '', ...MANY_ABOVE] = keysIn(0.95, 1, 201);
const pick = (keys: readonly string[], random: () => number) => keys[Math.floor(random() * keys.length)] ?? '';
const zipf = (random: () => number) => `client-${Math.floor(1000 ** random())}`;

/** Ways in which keys come, from honest to hostile. `n` counts the requests before. */
const ARRIVALS: Readonly<Record<string, (n: number, random: () => number) => string | undefined>> = {
  'no keys': () => undefined,
  'a new key each time': (n) => `request-${n}`,
  'a thousand equal clients': (_n, random) => `client-${Math.floor(random() * 1000)}`,
  'clients of very different weight': (_n, random) => zipf(random),
  'one key, of the candidate': () => BELOW,
  'one key, of stable': () => ABOVE,
  'one key for nine of ten, of the candidate': (_n, random) => (random() < 0.9 ? BELOW : zipf(random)),
  'one key for nine of ten, of stable': (_n, random) => (random() < 0.9 ? ABOVE : zipf(random)),
  'two hundred keys, all of the candidate': (_n, random) => pick(MANY_BELOW, random),
  'two hundred keys, all of stable': (_n, random) => pick(MANY_ABOVE, random),
  'a long time of stable, then a rush to the candidate': (n, random) =>
    pick(n < 3000 ? MANY_ABOVE : MANY_BELOW, random),
  'three keys in turn': (n) => [BELOW, ABOVE, 'x'][n % 3],
};

describe('split of a stage', () => {
  for (const share of SHARES) {
    for (const [name, arrive] of Object.entries(ARRIVALS)) {
      it(`gives the candidate ${share} of the requests at every moment, give or take chance: ${name}`, () => {
        for (const seed of [1, 2, 3]) {
          const random = seeded(seed);
          const split = new Split('m', share, random);
          let taken = 0;
          for (let n = 1; n <= 6000; n++) {
            if (split.toCandidate(arrive(n - 1, random))) taken++;
            const bound = 3 * Math.sqrt(n * share * (1 - share)) + 1;
            assert.ok(Math.abs(taken - share * n) <= bound, `${taken} of ${n}, seed ${seed}`);
          }
        }
      });
    }
  }

  it('keeps the bound against any keys and any draws', () => {
    const keys = [undefined, BELOW, ABOVE, ...MANY_BELOW.slice(0, 5), ...MANY_ABOVE.slice(0, 5)];
    const requests = fc.array(fc.constantFrom(...keys), { minLength: 1, maxLength: 400 });
    fc.assert(
      fc.property(fc.constantFrom(...SHARES), requests, fc.integer(), (share, arriving, seed) => {
        const split = new Split('m', share, seeded(seed));
        const taken = arriving.filter((key) => split.toCandidate(key)).length;
        const n = arriving.length;
        return Math.abs(taken - share * n) <= 3 * Math.sqrt(n * share * (1 - share)) + 1;
      }),
    );
  });

  it('never lets a quiet past pay for a rush of more than a few hundred', () => {
    const split = new Split('m', 0.05, seeded(1));
    for (let n = 0; n < 200_000; n++) split.toCandidate(MANY_ABOVE[n % MANY_ABOVE.length]);
    let taken = 0;
    for (let n = 0; n < 1000; n++) if (split.toCandidate(MANY_BELOW[n % MANY_BELOW.length])) taken++;
    assert.ok(taken <= 0.05 * 1000 + 6 * 22 + 2, `${taken}`);
  });

  it('keeps ordinary clients on one version', () => {
    for (const [arrive, least] of [
      [(random: () => number) => `client-${Math.floor(random() * 1000)}`, 0.95],
      [(random: () => number) => `client-${Math.floor(random() * 100_000)}`, 0.99],
    ] as const) {
      const random = seeded(7);
      const split = new Split('m', 0.05, random);
      const seen = new Map<string, Set<boolean>>();
      for (let n = 0; n < 20_000; n++) {
        const key = arrive(random);
        seen.set(key, (seen.get(key) ?? new Set()).add(split.toCandidate(key)));
      }
      const steady = [...seen.values()].filter((versions) => versions.size === 1).length / seen.size;
      assert.ok(steady >= least, `${steady}`);
    }
  });

  it('keeps the other clients where they are while one makes nine of ten requests', () => {
    const random = seeded(3);
    const split = new Split('m', 0.05, random);
    const others = new Map<string, boolean[]>();
    for (let n = 0; n < 20_000; n++) {
      const key = random() < 0.9 ? ABOVE : `client-${Math.floor(random() * 200)}`;
      const taken = split.toCandidate(key);
      if (key !== ABOVE) others.set(key, [...(others.get(key) ?? []), taken]);
    }
    const moved = [...others].filter(([key, all]) => all.filter((t) => t !== splitPoint('m', key) < 0.05).length > 1);
    assert.ok(moved.length <= 10, `${moved.length} of ${others.size}`);
    assert.ok(split.dominantKey > 0.85, `${split.dominantKey}`);
  });

  it('gives the last stage everything', () => {
    const split = new Split('m', 1);
    assert.ok([undefined, BELOW, ABOVE].every((key) => split.toCandidate(key)));
  });

  it('does not count what no version could answer', () => {
    const split = new Split('m', 0.05, seeded(1));
    // Requests of stable's that nobody can answer must not become credit for the candidate.
    for (let n = 0; n < 2000; n++) split.takeBack(split.toCandidate(MANY_ABOVE[n % MANY_ABOVE.length]));
    let taken = 0;
    for (let n = 0; n < 100; n++) if (split.toCandidate(MANY_BELOW[n % MANY_BELOW.length])) taken++;
    assert.ok(taken <= 0.05 * 100 + 3 * Math.sqrt(100 * 0.05 * 0.95) + 1, `${taken}`);
  });
});

describe('the point of a key', () => {
  it('is the same every time, and each model has points of its own', () => {
    assert.equal(splitPoint('emoji-search', 'client-1'), splitPoint('emoji-search', 'client-1'));
    assert.notEqual(splitPoint('emoji-search', 'client-1'), splitPoint('other', 'client-1'));
  });

  it('lies from 0 to below 1', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (model, key) => {
        const point = splitPoint(model, key);
        return point >= 0 && point < 1;
      }),
    );
  });
});

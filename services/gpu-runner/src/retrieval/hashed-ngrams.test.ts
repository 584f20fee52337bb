import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { z } from 'zod';
import { fnv1a32, hashedNgrams } from './hashed-ngrams.ts';

const tokenizer = { kind: 'hashed-ngrams' as const, buckets: 1000, maxTokens: 12, ngrams: [3, 4] };
const idOf = (feature: string) => 1 + (fnv1a32(feature) % tokenizer.buckets);

describe('hashed-ngrams tokenizer', () => {
  it('hashes with FNV-1a (published test vectors)', () => {
    assert.equal(fnv1a32(''), 0x811c9dc5);
    assert.equal(fnv1a32('a'), 0xe40c292c);
    assert.equal(fnv1a32('foobar'), 0xbf9cf968);
  });

  it('gives the word, then its n-grams by length, then padding', () => {
    const features = ['w:cat', 'g:<ca', 'g:cat', 'g:at>', 'g:<cat', 'g:cat>'];
    assert.deepEqual(hashedNgrams('Cat!', tokenizer), [...features.map(idOf), 0, 0, 0, 0, 0, 0]);
  });

  it('folds width and case, and splits on all but letters and numbers', () => {
    assert.deepEqual(hashedNgrams('Ｃａｔ', tokenizer), hashedNgrams('cat', tokenizer));
    assert.deepEqual(hashedNgrams('a-b', tokenizer), hashedNgrams('a b', tokenizer));
    assert.deepEqual(hashedNgrams('—', tokenizer), Array(12).fill(0));
  });

  it('counts code points, not UTF-16 units', () => {
    // A letter outside the basic plane: <𝒳> has one trigram; NFKC makes it X, so a Gothic letter is used.
    assert.deepEqual(hashedNgrams('𐌰', tokenizer).slice(0, 3), [idOf('w:𐌰'), idOf('g:<𐌰>'), 0]);
  });

  it('cuts at maxTokens', () => {
    assert.equal(hashedNgrams('one two three four five six', tokenizer).length, 12);
    assert.ok(hashedNgrams('one two three four five six', tokenizer).every((id) => id >= 1 && id <= 1000));
  });

  it('gives the same whether a text is cut into pieces or taken whole', () => {
    const whole = (text: string): number[] => {
      const words =
        text
          .normalize('NFKC')
          .toLowerCase()
          .match(/[\p{L}\p{N}]+/gu) ?? [];
      const features = words.flatMap((word) => {
        const points = [...`<${word}>`];
        const runs = tokenizer.ngrams.flatMap((n) =>
          points.slice(n - 1).map((_, start) => `g:${points.slice(start, start + n).join('')}`),
        );
        return [`w:${word}`, ...runs];
      });
      return [...features.map(idOf), ...Array(tokenizer.maxTokens).fill(0)].slice(0, tokenizer.maxTokens);
    };
    // Final sigma, marks that compose or stand alone, jamo, spaces that are none, format characters.
    const pieces = [
      'Σ',
      'ΑΣ',
      'a',
      'é',
      '\u0301',
      '\u1100',
      '\u1161',
      ' ',
      '\n',
      '\t',
      '\u00a0',
      '\ufeff',
      '\u00ad',
      '¨',
      '𐌰',
      '-',
      'ﬁ',
    ];
    const text = fc.array(fc.constantFrom(...pieces), { maxLength: 12 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.oneof(text, fc.string({ unit: 'binary' })), (one) => {
        assert.deepEqual(hashedNgrams(one, tokenizer), whole(one));
      }),
      { numRuns: 2000 },
    );
  });

  it('takes no more of a long text than it needs', (t) => {
    const normalize = t.mock.method(String.prototype, 'normalize');
    hashedNgrams('ﬁ '.repeat(5_000_000), tokenizer);
    const taken = normalize.mock.calls.reduce((sum, call) => sum + String(call.this).length, 0);
    assert.ok(taken <= tokenizer.maxTokens, `${taken} characters for ${tokenizer.maxTokens} ids`);
    // Of this process alone: how busy the machine is does not matter.
    const before = process.cpuUsage();
    hashedNgrams('a'.repeat(5_000_000), tokenizer);
    const { user, system } = process.cpuUsage(before);
    assert.ok(user + system < 3_000_000, `${user + system} microseconds for one long word`);
  });

  it('agrees with the training side', () => {
    const file = new URL('../../../../examples/emoji-search/tokenizer-vectors.json', import.meta.url);
    const cases = z.array(z.object({ text: z.string(), ids: z.array(z.number()) })).min(1);
    const settings = { kind: 'hashed-ngrams' as const, buckets: 6144, maxTokens: 64, ngrams: [3, 4, 5] };
    for (const { text, ids } of cases.parse(JSON.parse(readFileSync(file, 'utf8')))) {
      const padding = Array(settings.maxTokens - ids.length).fill(0);
      assert.deepEqual(hashedNgrams(text, settings), [...ids, ...padding], text);
    }
  });
});

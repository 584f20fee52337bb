/**
 * Which pictures are in the corpus, which queries are asked and how answers are graded.
 * All of it follows from published metadata by the rules below, and was fixed before any model was trained.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

export interface Emoji {
  readonly id: string;
  readonly char: string;
  readonly name: string;
  readonly tags: readonly string[];
  /** Further words that only training sees: emojilib's keywords and the shortcodes. */
  readonly keywords: readonly string[];
  /** Other names that picture sets join by. */
  readonly aliases: readonly string[];
}

export interface Query {
  readonly id: string;
  readonly text: string;
  readonly grades: ReadonlyMap<string, 1 | 2>;
}

interface EmojibaseEntry {
  readonly label: string;
  readonly hexcode: string;
  readonly emoji: string;
  readonly tags?: readonly string[];
  readonly group?: number;
  readonly subgroup?: number;
  readonly order?: number;
}

const QUERY_COUNT = 600;
const STOP_WORDS = new Set(['and', 'for', 'from', 'the', 'with']);
/** Emojibase's groups: skin tones and hair; flags, which one training style draws. */
const EXCLUDED_GROUPS = new Set([2, 9]);
/** Emojibase's subgroups `person` to `family`: gendered variants cannot be told apart at 48 pixels. */
const PEOPLE_SUBGROUPS = { first: 23, last: 30 };

function readPackageJson(path: string): unknown {
  return JSON.parse(readFileSync(new URL(`node_modules/${path}`, import.meta.url), 'utf8'));
}

function shortcodesOf(source: string, hexcode: string): string[] {
  const all = readPackageJson(`emojibase-data/en/shortcodes/${source}.json`) as Record<string, string | string[]>;
  return [all[hexcode] ?? []].flat();
}

export function wordsOf(text: string): string[] {
  return (
    text
      .normalize('NFKC')
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu) ?? []
  );
}

/** Returns every emoji of Unicode that is neither a flag, a person nor a skin tone, in Unicode's order. */
export function readCorpus(): Emoji[] {
  const entries = readPackageJson('emojibase-data/en/data.json') as EmojibaseEntry[];
  const keywords = readPackageJson('emojilib/dist/emoji-en-US.json') as Record<string, string[]>;
  const unicodeNames = readPackageJson('emojibase-data/meta/unicode-names.json') as Record<string, string>;
  return entries
    .filter(isInCorpus)
    .sort((a, b) => (a.order ?? 0) - (b.order ?? 0))
    .map((entry) => {
      const bareHexcode = entry.hexcode.replaceAll('-FE0F', '');
      const bareChar = entry.emoji.replaceAll('\uFE0F', '');
      const shortcodes = ['github', 'iamcal', 'joypixels', 'emojibase'].flatMap((source) =>
        shortcodesOf(source, entry.hexcode),
      );
      const extra = keywords[entry.emoji] ?? keywords[bareChar] ?? keywords[`${bareChar}\uFE0F`] ?? [];
      return {
        id: bareHexcode.toLowerCase(),
        char: entry.emoji,
        name: entry.label.toLowerCase(),
        tags: (entry.tags ?? []).map((tag) => tag.toLowerCase()),
        keywords: [...new Set([...extra, ...shortcodes].map((word) => wordsOf(word).join(' ')))],
        aliases: [unicodeNames[bareHexcode] ?? '', ...shortcodes].filter((alias) => alias !== ''),
      };
    });
}

function isInCorpus(entry: EmojibaseEntry): boolean {
  if (entry.group === undefined || entry.subgroup === undefined || EXCLUDED_GROUPS.has(entry.group)) return false;
  return entry.subgroup < PEOPLE_SUBGROUPS.first || entry.subgroup > PEOPLE_SUBGROUPS.last;
}

/** Grade 2: the name has the query as whole words. Grade 1: one of the tags is the query. */
export function gradesOf(text: string, corpus: readonly Emoji[]): Map<string, 1 | 2> {
  const phrase = ` ${wordsOf(text).join(' ')} `;
  const grades = new Map<string, 1 | 2>();
  for (const emoji of corpus) {
    if (` ${wordsOf(emoji.name).join(' ')} `.includes(phrase)) grades.set(emoji.id, 2);
    else if (emoji.tags.some((tag) => ` ${wordsOf(tag).join(' ')} ` === phrase)) grades.set(emoji.id, 1);
  }
  return grades;
}

/**
 * Returns 600 queries: of all words of names and all tags that at least one name contains (so each query has a
 * best answer), those whose SHA-256 comes first. A hash draws them so that nobody's taste, and no model, does.
 */
export function drawQueries(corpus: readonly Emoji[]): Query[] {
  const candidates = new Set<string>();
  for (const emoji of corpus) {
    for (const term of [...wordsOf(emoji.name), ...emoji.tags.map((tag) => wordsOf(tag).join(' '))]) {
      if (/\p{L}{3}/u.test(term) && !STOP_WORDS.has(term)) candidates.add(term);
    }
  }
  return [...candidates]
    .map((text) => ({ text, grades: gradesOf(text, corpus) }))
    .filter(({ grades }) => [...grades.values()].includes(2))
    .map((query) => ({ ...query, rank: createHash('sha256').update(query.text).digest('hex') }))
    .sort((a, b) => (a.rank < b.rank ? -1 : 1))
    .slice(0, QUERY_COUNT)
    .sort((a, b) => (a.text < b.text ? -1 : 1))
    .map(({ text, grades }, index) => ({ id: `q${String(index + 1).padStart(3, '0')}`, text, grades }));
}

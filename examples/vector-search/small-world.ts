/*
 * A made-up world in which search can be right or wrong: recipes with three leading ingredients each, and people who ask for one. What a
 * recipe is about stands in its vector over all ingredients; a sensor that nobody can read tells of a question in 64 numbers, as the
 * features of any encoder do. Everything follows from the seed.
 */

const INGREDIENTS =
  'apple basil carrot cheese chili cinnamon cocoa coconut fennel fig garlic ginger honey lemon lentil mint mushroom oat onion pepper plum rice saffron tomato'.split(
    ' ',
  );

/** Numbers in the features of a question. */
export const FEATURES = 64;
export const DIMENSIONS = INGREDIENTS.length;
const RECIPES = 300;
const QUESTIONS = 200;
/** How far a question is from the recipe it means, and how much the sensor errs. */
const VAGUENESS = 0.06;
const SENSOR_NOISE = 0.12;
/** The best two recipes of a question are right, the next four will do. */
const RIGHT = 2;
const WILL_DO = 4;

export interface Recipe {
  readonly id: string;
  readonly title: string;
  readonly vector: readonly number[];
}

export interface Question {
  readonly id: string;
  readonly text: string;
  /** What is asked for; only the training gets to see it. */
  readonly meaning: readonly number[];
  readonly features: readonly number[];
  readonly grades: ReadonlyMap<string, number>;
}

export interface World {
  readonly recipes: readonly Recipe[];
  readonly questions: readonly Question[];
  /** Further questions, to learn from. */
  readonly training: readonly Pick<Question, 'meaning' | 'features'>[];
}

export function makeWorld(seed: number, trainingQuestions: number): World {
  const random = seeded(seed);
  const sensor = Array.from({ length: FEATURES }, () =>
    Array.from({ length: DIMENSIONS }, () => normal(random) / Math.sqrt(DIMENSIONS)),
  );
  const sense = (meaning: readonly number[]): number[] =>
    sensor.map((row) => round(dot(row, meaning) + SENSOR_NOISE * normal(random)));
  const recipes = Array.from({ length: RECIPES }, (_, n) => makeRecipe(n, random));
  const ask = (): readonly number[] => {
    const meant = recipes[Math.floor(random() * RECIPES)]?.vector ?? [];
    return unit(meant.map((value) => value + VAGUENESS * normal(random)));
  };
  const questions = Array.from({ length: QUESTIONS }, (_, n): Question => {
    const meaning = ask();
    const text = `something with ${leading(meaning, 2).join(' and ')}`;
    return { id: `q${n + 1}`, text, meaning, features: sense(meaning), grades: gradesOf(meaning, recipes) };
  });
  const training = Array.from({ length: trainingQuestions }, () => {
    const meaning = ask();
    return { meaning, features: sense(meaning) };
  });
  return { recipes, questions, training };
}

function makeRecipe(n: number, random: () => number): Recipe {
  const raw = Array.from({ length: DIMENSIONS }, () => 0.08 * normal(random));
  for (const weight of [1, 0.8, 0.6]) raw[Math.floor(random() * DIMENSIONS)] = weight;
  const vector = unit(raw);
  return { id: `recipe-${n + 1}`, title: leading(vector, 3).join(', '), vector };
}

function gradesOf(meaning: readonly number[], recipes: readonly Recipe[]): Map<string, number> {
  const best = recipes
    .map(({ id, vector }) => ({ id, score: dot(vector, meaning) }))
    .sort((a, b) => b.score - a.score)
    .slice(0, RIGHT + WILL_DO);
  return new Map(best.map(({ id }, rank) => [id, rank < RIGHT ? 2 : 1]));
}

function leading(vector: readonly number[], count: number): string[] {
  return vector
    .map((weight, index) => ({ weight, name: INGREDIENTS[index] ?? '' }))
    .sort((a, b) => b.weight - a.weight)
    .slice(0, count)
    .map(({ name }) => name);
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, index) => sum + value * (b[index] ?? 0), 0);
}

function unit(vector: readonly number[]): number[] {
  const length = Math.sqrt(dot(vector, vector));
  return vector.map((value) => value / length);
}

/** Five digits are enough for a file that people read. */
function round(value: number): number {
  return Math.round(value * 1e5) / 1e5;
}

function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** Mulberry32: numbers in [0, 1). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

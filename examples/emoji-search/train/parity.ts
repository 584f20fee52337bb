/**
 * Recomputes NDCG@10 of every bundle in JavaScript, from nothing but the bundle and the dataset, and measures how
 * long a query takes. Fails if a figure is further than 0.003 from Python's (`.cache/figures.json`).
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import * as ort from 'onnxruntime-node';
import sharp from 'sharp';
import { type HashedNgrams, tokenize } from './tokenizer.ts';

const CUTOFF = 10;
const TOLERANCE = 0.003;
const ROOT = new URL('../', import.meta.url);
const ONE_THREAD = { intraOpNumThreads: 1, interOpNumThreads: 1 };

interface Preprocessing {
  readonly width: number;
  readonly height: number;
  readonly channels: 'RGB' | 'BGR';
  readonly background: string;
  readonly scale: number;
  readonly mean: readonly number[];
  readonly std: readonly number[];
}
interface Bundle {
  readonly version: string;
  readonly embedding: { readonly dimensions: number };
  readonly query: { readonly onnx: string; readonly tokenizer: HashedNgrams; input: string; output: string };
  readonly documents: { onnx: string; input: string; output: string; picture: Preprocessing; index: string };
}
interface Loaded {
  readonly bundle: Bundle;
  readonly texts: ort.InferenceSession;
  readonly pictures: ort.InferenceSession;
}

const read = (path: string): string => readFileSync(new URL(path, ROOT), 'utf8');
const lines = <T>(path: string): T[] =>
  read(path)
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as T);

async function decode(file: string, { width, height, channels, background, scale, mean, std }: Preprocessing) {
  const bytes = await sharp(new URL(`dataset/${file}`, ROOT).pathname)
    .flatten({ background })
    .removeAlpha()
    .raw()
    .toBuffer();
  const area = width * height;
  const pixels = new Float32Array(3 * area);
  for (let channel = 0; channel < 3; channel += 1) {
    const source = channels === 'RGB' ? channel : 2 - channel;
    for (let at = 0; at < area; at += 1) {
      pixels[channel * area + at] =
        ((bytes[at * 3 + source] ?? 0) * scale - (mean[channel] ?? 0)) / (std[channel] ?? 1);
    }
  }
  return pixels;
}

async function encodeText({ bundle, texts }: Loaded, text: string): Promise<Float32Array> {
  const { tokenizer, input, output } = bundle.query;
  const ids = new BigInt64Array(tokenizer.maxTokens);
  tokenize(text, tokenizer).forEach((id, at) => {
    ids[at] = BigInt(id);
  });
  const result = await texts.run({ [input]: new ort.Tensor('int64', ids, [1, tokenizer.maxTokens]) });
  return result[output]?.data as Float32Array;
}

async function encodePictures(
  { bundle, pictures }: Loaded,
  pixels: readonly Float32Array[],
  batch = 64,
): Promise<Float32Array> {
  const { input, output, picture } = bundle.documents;
  const size = 3 * picture.width * picture.height;
  const all = new Float32Array(pixels.length * bundle.embedding.dimensions);
  for (let start = 0; start < pixels.length; start += batch) {
    const part = pixels.slice(start, start + batch);
    const data = new Float32Array(part.length * size);
    for (const [at, one] of part.entries()) data.set(one, at * size);
    const feed = new ort.Tensor('float32', data, [part.length, 3, picture.height, picture.width]);
    const result = await pictures.run({ [input]: feed });
    all.set(result[output]?.data as Float32Array, start * bundle.embedding.dimensions);
  }
  return all;
}

function scan(query: Float32Array, index: Float32Array): Float32Array {
  const dimensions = query.length;
  return Float32Array.from({ length: index.length / dimensions }, (_, row) => {
    let sum = 0;
    for (let at = 0; at < dimensions; at += 1) sum += (query[at] ?? 0) * (index[row * dimensions + at] ?? 0);
    return sum;
  });
}

function topTen(scores: Float32Array): number[] {
  return [...scores.keys()].sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0) || a - b).slice(0, CUTOFF);
}

const gainOf = { linear: (grade: number) => grade, exponential: (grade: number) => 2 ** grade - 1 };

function ndcg(ranked: readonly number[], grades: ReadonlyMap<number, number>, gain: (grade: number) => number): number {
  const discounted = (all: readonly number[]) =>
    all.reduce((sum, grade, at) => sum + gain(grade) / Math.log2(at + 2), 0);
  const ideal = [...grades.values()].sort((a, b) => b - a).slice(0, CUTOFF);
  return discounted(ranked.map((document) => grades.get(document) ?? 0)) / discounted(ideal);
}

function readDataset() {
  const documents = lines<{ _id: string; picture: string }>('dataset/corpus.jsonl');
  const position = new Map(documents.map((document, at) => [document._id, at]));
  const grades = new Map<string, Map<number, number>>();
  for (const line of read('dataset/qrels/test.tsv').trim().split('\n').slice(1)) {
    const [query = '', document = '', grade] = line.split('\t');
    const graded = grades.get(query) ?? new Map<number, number>();
    grades.set(query, graded.set(position.get(document) ?? -1, Number(grade)));
  }
  return { documents, grades, queries: lines<{ _id: string; text: string }>('dataset/queries.jsonl') };
}

async function load(version: string): Promise<Loaded> {
  const bundle = JSON.parse(read(`bundles/${version}/bundle.json`)) as Bundle;
  const open = (file: string) =>
    ort.InferenceSession.create(new URL(`bundles/${version}/${file}`, ROOT).pathname, ONE_THREAD);
  return { bundle, texts: await open(bundle.query.onnx), pictures: await open(bundle.documents.onnx) };
}

/** Milliseconds below which 95% of the queries' answers come. */
async function latencyP95(
  loaded: Loaded,
  pixels: readonly Float32Array[],
  index: Float32Array,
  texts: readonly string[],
) {
  const perQuery = loaded.bundle.documents.index === 'per_query';
  const taken: number[] = [];
  for (const text of texts.slice(0, perQuery ? 20 : 300)) {
    const started = performance.now();
    const query = await encodeText(loaded, text);
    topTen(scan(query, perQuery ? await encodePictures(loaded, pixels) : index));
    taken.push(performance.now() - started);
  }
  return taken.sort((a, b) => a - b)[Math.ceil(taken.length * 0.95) - 1] ?? Number.NaN;
}

function checkTokenizer(settings: HashedNgrams): void {
  const vectors = JSON.parse(read('tokenizer-vectors.json')) as { text: string; ids: number[] }[];
  const wrong = vectors.filter(({ text, ids }) => tokenize(text, settings).join() !== ids.join());
  if (wrong.length > 0) throw new Error(`the tokenizer differs on ${JSON.stringify(wrong.map(({ text }) => text))}`);
  console.log(`tokenizer: ${vectors.length} vectors agree`);
}

const { documents, queries, grades } = readDataset();
const figuresFile = new URL('.cache/figures.json', import.meta.url);
const figures = existsSync(figuresFile)
  ? (JSON.parse(readFileSync(figuresFile, 'utf8')) as Record<string, Record<string, number>>)
  : {};
for (const version of process.argv[2]?.split(',') ?? readdirSync(new URL('bundles/', ROOT)).sort()) {
  const loaded = await load(version);
  if (version === '0.9') checkTokenizer(loaded.bundle.query.tokenizer);
  const pixels = await Promise.all(documents.map(({ picture }) => decode(picture, loaded.bundle.documents.picture)));
  const index = await encodePictures(loaded, pixels);
  const sums = { linear: 0, exponential: 0 };
  for (const { _id, text } of queries) {
    const ranked = topTen(scan(await encodeText(loaded, text), index));
    const graded = grades.get(_id) ?? new Map<number, number>();
    for (const form of ['linear', 'exponential'] as const)
      sums[form] += ndcg(ranked, graded, gainOf[form]) / queries.length;
  }
  const p95 = await latencyP95(
    loaded,
    pixels,
    index,
    queries.map(({ text }) => text),
  );
  console.log(
    `${version}: ndcg@10 linear ${sums.linear.toFixed(4)}, exponential ${sums.exponential.toFixed(4)}, P95 ${p95.toFixed(1)} ms`,
  );
  for (const form of ['linear', 'exponential'] as const) {
    const expected = figures[version]?.[form];
    if (expected !== undefined && Math.abs(expected - sums[form]) > TOLERANCE) {
      throw new Error(`${version}: ${form} is ${sums[form].toFixed(4)} here and ${expected.toFixed(4)} in Python`);
    }
  }
}

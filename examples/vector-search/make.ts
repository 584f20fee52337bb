/*
 * Makes a vector embedding model in two versions and a dataset for it, without any other tool: run it, and push the three folders.
 *   .cache/bin/node examples/vector-search/make.ts [folder]
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { writeOnnx } from '../../services/gpu-runner/src/retrieval/onnx-writer.ts';
import { fit } from './fit.ts';
import { DIMENSIONS, FEATURES, makeWorld, type World } from './small-world.ts';

const SEED = 20_261_122;
/** 1.0 has learned from few questions, 1.1 from many. */
const LEARNED_FROM = { '1.0': 90, '1.1': 3000 } as const;
const RIDGE = 0.1;

const folder = resolve(process.argv[2] ?? join(import.meta.dirname, 'made'));
const world = makeWorld(SEED, Math.max(...Object.values(LEARNED_FROM)));
rmSync(folder, { recursive: true, force: true });
write('dataset', datasetFiles(world));
for (const [version, count] of Object.entries(LEARNED_FROM)) write(version, bundleFiles(world, version, count));
const { recipes, questions } = world;
console.log(
  `made ${relative(process.cwd(), folder) || '.'}/{dataset,1.0,1.1}: ${recipes.length} documents, ${questions.length} queries`,
);

function write(name: string, files: Readonly<Record<string, string | Uint8Array>>): void {
  for (const [path, content] of Object.entries(files)) {
    const file = join(folder, name, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
  }
}

/** BEIR's form; each query carries the vector that the model takes. */
function datasetFiles({ recipes: documents, questions: queries }: World) {
  const grades = queries.flatMap(({ id, grades: of }) => [...of].map(([document, grade]) => [id, document, grade]));
  return {
    'dataset.json': json({
      schema: 'conclave.dataset/v1',
      name: 'recipes',
      split: 'test',
      description: 'Made-up recipes and what people ask for; see examples/vector-search',
      license: 'Apache-2.0',
    }),
    'corpus.jsonl': lines(documents.map(({ id, title }) => ({ _id: id, title, text: `A dish of ${title}.` }))),
    'queries.jsonl': lines(queries.map(({ id, text, features }) => ({ _id: id, text, vector: features }))),
    'qrels/test.tsv': [['query-id', 'corpus-id', 'score'], ...grades].map((row) => `${row.join('\t')}\n`).join(''),
  };
}

/** A graph of three steps: the learned map, and the division by its length, so that scores are cosines. */
function bundleFiles({ recipes: documents, training }: World, version: string, learnedFrom: number) {
  const weights = fit(training.slice(0, learnedFrom), RIDGE);
  const onnx = writeOnnx({
    nodes: [
      { op: 'MatMul', inputs: ['query', 'weights'], outputs: ['raw'] },
      { op: 'ReduceL2', inputs: ['raw'], outputs: ['length'], attributes: { axes: [1], keepdims: 1 } },
      { op: 'Div', inputs: ['raw', 'length'], outputs: ['embedding'] },
    ],
    constants: { weights: { rows: FEATURES, columns: DIMENSIONS, values: weights } },
    inputs: [{ name: 'query', type: 'float32', shape: ['batch', FEATURES] }],
    outputs: [{ name: 'embedding', type: 'float32', shape: ['batch', DIMENSIONS] }],
  });
  return {
    'bundle.json': json({
      schema: 'conclave.bundle/v1',
      model: 'recipe-search',
      version,
      description: `Finds recipes; learned from ${learnedFrom} questions`,
      task: 'retrieval',
      embedding: { dimensions: DIMENSIONS },
      query: { kind: 'vector', onnx: 'query.onnx', features: FEATURES, input: 'query', output: 'embedding' },
      documents: { kind: 'embeddings', vectors: 'documents.f32', ids: 'documents.txt' },
    }),
    'query.onnx': onnx,
    'documents.f32': new Uint8Array(Float32Array.from(documents.flatMap(({ vector }) => vector)).buffer),
    'documents.txt': documents.map(({ id }) => `${id}\n`).join(''),
  };
}

function json(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function lines(values: readonly object[]): string {
  return values.map((value) => `${JSON.stringify(value)}\n`).join('');
}

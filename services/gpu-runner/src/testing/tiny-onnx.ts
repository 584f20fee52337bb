import { type Matrix, type OnnxNode, type TensorInfo, writeOnnx } from '../retrieval/onnx-writer.ts';

/*
 * Tiny but real ONNX models that compute what a test can check on paper.
 */

/** output = query x weights: float32 [batch, rows] -> float32 [batch, columns]. */
export function linearOnnx(weights: Matrix, names = { input: 'query', output: 'embedding' }): Uint8Array {
  return model(
    [{ op: 'MatMul', inputs: [names.input, 'weights'], outputs: [names.output] }],
    weights,
    { name: names.input, type: 'float32', shape: ['batch', weights.rows] },
    { name: names.output, type: 'float32', shape: ['batch', weights.columns] },
  );
}

/** The sum of the tokens' rows: int64 [batch, maxTokens] -> float32 [batch, columns]. Row 0 is padding. */
export function bagOfTokensOnnx(embeddings: Matrix, maxTokens: number): Uint8Array {
  return model(
    [
      { op: 'Gather', inputs: ['weights', 'tokens'], outputs: ['gathered'], attributes: { axis: 0 } },
      { op: 'ReduceSum', inputs: ['gathered'], outputs: ['embedding'], attributes: { axes: [1], keepdims: 0 } },
    ],
    embeddings,
    { name: 'tokens', type: 'int64', shape: ['batch', maxTokens] },
    { name: 'embedding', type: 'float32', shape: ['batch', embeddings.columns] },
  );
}

/** output = flattened picture x weights: float32 [batch, 3, height, width] -> float32 [batch, columns]. */
export function pictureOnnx(weights: Matrix, height: number, width: number): Uint8Array {
  return model(
    [
      { op: 'Flatten', inputs: ['picture'], outputs: ['flat'], attributes: { axis: 1 } },
      { op: 'MatMul', inputs: ['flat', 'weights'], outputs: ['embedding'] },
    ],
    weights,
    { name: 'picture', type: 'float32', shape: ['batch', 3, height, width] },
    { name: 'embedding', type: 'float32', shape: ['batch', weights.columns] },
  );
}

/** The unit matrix. */
export function identity(size: number): Matrix {
  const values = Array.from({ length: size * size }, (_, i) => (i % (size + 1) === 0 ? 1 : 0));
  return { rows: size, columns: size, values };
}

function model(nodes: readonly OnnxNode[], weights: Matrix, input: TensorInfo, output: TensorInfo): Uint8Array {
  return writeOnnx({ nodes, constants: { weights }, inputs: [input], outputs: [output] });
}

/*
 * Writes tiny but real ONNX files without any ONNX tool: the protobuf wire format by hand (onnx.proto3 of ONNX 1.14, opset 11).
 * They compute what a test can check on paper.
 */

/** float32 weights [rows, columns], row-major. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly values: readonly number[];
}

interface TensorInfo {
  readonly name: string;
  readonly type: 'float32' | 'int64';
  /** A number is fixed, a text names a dynamic dimension. */
  readonly shape: readonly (number | string)[];
}

interface Node {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, number | readonly number[]>>;
}

const ELEMENT = { float32: 1, int64: 7 } as const;

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

function model(nodes: readonly Node[], weights: Matrix, input: TensorInfo, output: TensorInfo): Uint8Array {
  const raw = new Uint8Array(Float32Array.from(weights.values).buffer);
  const initializer = [
    number(1, weights.rows),
    number(1, weights.columns),
    number(2, ELEMENT.float32),
    text(8, 'weights'),
    field(9, raw),
  ];
  const graph = [
    ...nodes.map((node) => message(1, nodeFields(node))),
    text(2, 'tiny'),
    message(5, initializer),
    message(11, tensorFields(input)),
    message(12, tensorFields(output)),
  ];
  return concat([number(1, 6), message(7, graph), message(8, [text(1, ''), number(2, 11)])]);
}

function nodeFields({ op, inputs, outputs, attributes = {} }: Node): Uint8Array[] {
  const attributeFields = Object.entries(attributes).map(([name, value]) =>
    typeof value === 'number'
      ? message(5, [text(1, name), number(3, value), number(20, 2)])
      : message(5, [text(1, name), ...value.map((one) => number(8, one)), number(20, 7)]),
  );
  return [
    ...inputs.map((name) => text(1, name)),
    ...outputs.map((name) => text(2, name)),
    text(4, op),
    ...attributeFields,
  ];
}

function tensorFields({ name, type, shape }: TensorInfo): Uint8Array[] {
  const dimensions = shape.map((size) => message(1, [typeof size === 'number' ? number(1, size) : text(2, size)]));
  const tensorType = message(1, [number(1, ELEMENT[type]), message(2, dimensions)]);
  return [text(1, name), message(2, [tensorType])];
}

function number(id: number, value: number): Uint8Array {
  return concat([varint(id * 8), varint(value)]);
}

function text(id: number, value: string): Uint8Array {
  return field(id, new TextEncoder().encode(value));
}

function message(id: number, fields: readonly Uint8Array[]): Uint8Array {
  return field(id, concat(fields));
}

function field(id: number, bytes: Uint8Array): Uint8Array {
  return concat([varint(id * 8 + 2), varint(bytes.length), bytes]);
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return Uint8Array.from([...bytes, rest]);
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

/*
 * Writes small ONNX files without any ONNX tool: the protobuf wire format by hand (onnx.proto3, IR version 6, opset 11).
 */

/** Name, element type and shape of an input or output. */
export interface TensorInfo {
  readonly name: string;
  readonly type: 'float32' | 'int64';
  /** A number is fixed, a text names a dynamic dimension. */
  readonly shape: readonly (number | string)[];
}

/** One operation. */
export interface OnnxNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, number | readonly number[]>>;
}

/** Constant weights, float32, row-major [rows, columns]. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly values: ArrayLike<number>;
}

/** A graph: operations in order, constants by name, inputs and outputs. */
export interface OnnxGraph {
  readonly nodes: readonly OnnxNode[];
  readonly constants?: Readonly<Record<string, Matrix>>;
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
}

const ELEMENT = { float32: 1, int64: 7 } as const;

/** The bytes of an ONNX file. */
export function writeOnnx({ nodes, constants = {}, inputs, outputs }: OnnxGraph): Uint8Array {
  const graph = [
    ...nodes.map((node) => message(1, nodeFields(node))),
    text(2, 'graph'),
    ...Object.entries(constants).map(([name, matrix]) => message(5, constantFields(name, matrix))),
    ...inputs.map((tensor) => message(11, tensorFields(tensor))),
    ...outputs.map((tensor) => message(12, tensorFields(tensor))),
  ];
  return concat([number(1, 6), message(7, graph), message(8, [text(1, ''), number(2, 11)])]);
}

function constantFields(name: string, { rows, columns, values }: Matrix): Uint8Array[] {
  const raw = new Uint8Array(Float32Array.from(values).buffer);
  return [number(1, rows), number(1, columns), number(2, ELEMENT.float32), text(8, name), field(9, raw)];
}

function nodeFields({ op, inputs, outputs, attributes = {} }: OnnxNode): Uint8Array[] {
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

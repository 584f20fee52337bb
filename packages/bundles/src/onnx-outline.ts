/*
 * A look at an ONNX file without a runtime. An ONNX model is one protocol-buffer message (onnx.proto, ModelProto: ir_version = 1,
 * graph = 7, opset_import = 8; GraphProto: input = 11, output = 12; ValueInfoProto: name = 1). The message says the length of each
 * part, so a file that was cut off does not add up.
 */

export interface OnnxOutline {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

const MODEL = { irVersion: 1, graph: 7, opsetImport: 8 } as const;
const GRAPH = { input: 11, output: 12 } as const;
const LFS_POINTER = 'version https://git-lfs';

/** Names of inputs and outputs. @throws RangeError saying what is wrong with a file that is no whole ONNX model. */
export function outlineOnnx(bytes: Uint8Array): OnnxOutline {
  if (new TextDecoder().decode(bytes.subarray(0, LFS_POINTER.length)) === LFS_POINTER)
    throw new RangeError('is a Git LFS pointer, not the file itself; run git lfs pull');
  const fields = [...fieldsOf(bytes)];
  const graph = fields.find((f) => f.number === MODEL.graph)?.bytes;
  if (!fields.some((f) => f.number === MODEL.irVersion) || !fields.some((f) => f.number === MODEL.opsetImport))
    throw new RangeError('is no ONNX model: it has no IR version or no operator set; export it again');
  if (graph === undefined) throw new RangeError('is an ONNX model without a graph; export it again');
  const names = (number: number): string[] =>
    [...fieldsOf(graph)].flatMap((f) => (f.number === number && f.bytes !== undefined ? [nameOf(f.bytes)] : []));
  return { inputs: names(GRAPH.input), outputs: names(GRAPH.output) };
}

function nameOf(valueInfo: Uint8Array): string {
  const name = [...fieldsOf(valueInfo)].find((f) => f.number === 1)?.bytes;
  return name === undefined ? '' : new TextDecoder().decode(name);
}

interface Field {
  readonly number: number;
  /** Content of a length-delimited field. */
  readonly bytes: Uint8Array | undefined;
}

/** The fields of a message. @throws RangeError when one reaches beyond the end or has a kind that does not exist. */
function* fieldsOf(message: Uint8Array): Generator<Field> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = message[at++];
      if (byte === undefined)
        throw new RangeError(`ends in the middle of a number at byte ${at - 1}; it was cut off: copy it again`);
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new RangeError(`has no ONNX content at byte ${at}; export it again`);
  };
  const skip = (length: number): Uint8Array => {
    const end = at + length;
    if (end > message.length)
      throw new RangeError(
        `says a part is ${length} bytes long at byte ${at}, but only ${message.length - at} are left; it was cut off: copy it again`,
      );
    const part = message.subarray(at, end);
    at = end;
    return part;
  };
  while (at < message.length) {
    const tag = varint();
    const kind = tag % 8;
    const number = Math.floor(tag / 8);
    if (number === 0 || kind === 3 || kind === 4 || kind > 5)
      throw new RangeError(`has no ONNX content at byte ${at}; export it again`);
    if (kind === 0) varint();
    else if (kind !== 2) skip(kind === 1 ? 8 : 4);
    yield { number, bytes: kind === 2 ? skip(varint()) : undefined };
  }
}

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConclaveError, messageOf } from '@conclave/contracts';
import { InferenceSession, Tensor } from 'onnxruntime-node';

/** Where ONNX Runtime computes. */
export type Provider = 'cpu' | 'cuda';

/** What a bundle says about one ONNX file: one input, one output, batch first. */
export interface TensorContract {
  readonly file: string;
  readonly input: string;
  readonly inputType: 'int64' | 'float32';
  /** Expected input shape after the batch dimension. */
  readonly inputShape: readonly number[];
  readonly output: string;
  readonly dimensions: number;
}

/** Numbers for a batch, row after row. */
export type BatchData = Float32Array | BigInt64Array;

/** An ONNX file opened and found to be what the bundle says. */
export interface OnnxModel {
  /**
   * @param rows size of the batch; `data` holds that many rows
   * @returns float32, row-major [rows, dimensions], L2 norm as the model made it
   * @throws CVE_INFER_FAILED when the runtime fails or a value is not finite; CVE_BUNDLE_ONNX_INVALID for an output of another shape
   */
  run(data: BatchData, rows: number): Promise<Float32Array>;
  release(): Promise<void>;
}

/**
 * Opens an ONNX file on one thread and checks names, element types and dimensions of its tensors.
 * @throws CVE_BUNDLE_ONNX_INVALID naming file, tensor, expected and found
 */
export async function openOnnx(dir: string, contract: TensorContract, provider: Provider): Promise<OnnxModel> {
  const session = await createSession(dir, contract.file, provider);
  checkTensors(session, contract);
  return {
    run: (data, rows) => runSession(session, contract, data, rows),
    release: () => session.release(),
  };
}

async function createSession(dir: string, file: string, provider: Provider): Promise<InferenceSession> {
  try {
    return await InferenceSession.create(readFileSync(join(dir, file)), {
      executionProviders: [provider],
      executionMode: 'sequential',
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      logSeverityLevel: 3,
    });
  } catch (cause) {
    const way = 'export it again as ONNX that ONNX Runtime 1.30 reads and push the bundle anew';
    throw new ConclaveError(
      'CVE_BUNDLE_ONNX_INVALID',
      `${file} cannot be loaded with provider ${provider}: ${messageOf(cause)}; ${way}`,
      { cause },
    );
  }
}

async function runSession(
  session: InferenceSession,
  contract: TensorContract,
  data: BatchData,
  rows: number,
): Promise<Float32Array> {
  const output = await runToTensor(session, contract, data, rows);
  const shape = [rows, contract.dimensions];
  if (!(output.data instanceof Float32Array) || output.dims.join() !== shape.join()) {
    throw new ConclaveError(
      'CVE_BUNDLE_ONNX_INVALID',
      `${contract.file}: output ${contract.output} is ${output.type} [${output.dims}], expected float32 [${shape}]; correct bundle.json or the export`,
    );
  }
  if (!output.data.every(Number.isFinite)) {
    throw new ConclaveError(
      'CVE_INFER_FAILED',
      `${contract.file}: output ${contract.output} holds values that are not finite; the model or its input is broken`,
    );
  }
  return output.data;
}

async function runToTensor(session: InferenceSession, contract: TensorContract, data: BatchData, rows: number) {
  const { file, input, inputType, inputShape, output } = contract;
  try {
    const results = await session.run({ [input]: new Tensor(inputType, data, [rows, ...inputShape]) }, [output]);
    const tensor = results[output];
    if (tensor === undefined) throw new Error(`no output ${output}`);
    return tensor;
  } catch (cause) {
    throw new ConclaveError(
      'CVE_INFER_FAILED',
      `${file}: ONNX Runtime failed on a batch of ${rows}: ${messageOf(cause)}; see whether the file runs outside of Conclave`,
      { cause },
    );
  }
}

function checkTensors(session: InferenceSession, contract: TensorContract): void {
  const { file, input, inputType, inputShape, output, dimensions } = contract;
  const others = session.inputNames.filter((name) => name !== input);
  if (others.length > 0 && session.inputNames.includes(input)) {
    mismatch(file, `input ${input}`, 'the only input', `further inputs ${others.join(', ')}`);
  }
  checkTensor(file, 'input', input, session.inputMetadata, inputType, inputShape);
  checkTensor(file, 'output', output, session.outputMetadata, 'float32', [dimensions]);
}

function checkTensor(
  file: string,
  role: 'input' | 'output',
  name: string,
  metadata: readonly InferenceSession.ValueMetadata[],
  type: string,
  shapeAfterBatch: readonly number[],
): void {
  const tensor = metadata.find((value) => value.name === name);
  const tensorName = `${role} ${name}`;
  if (tensor === undefined) {
    mismatch(file, tensorName, 'to exist', `${role}s ${metadata.map((value) => value.name).join(', ')}`);
  }
  const expected = `${type} [batch, ${shapeAfterBatch.join(', ')}]`;
  if (!tensor.isTensor) mismatch(file, tensorName, expected, 'no tensor');
  const found = `${tensor.type} [${tensor.shape.join(', ')}]`;
  const [batch, ...rest] = tensor.shape;
  const fits =
    tensor.type === type &&
    rest.length === shapeAfterBatch.length &&
    rest.every((size, i) => !isFixed(size) || size === shapeAfterBatch[i]);
  // An output of unknown rank has no shape here; the first run shows it.
  if (!fits && !(role === 'output' && tensor.type === type && tensor.shape.length === 0)) {
    mismatch(file, tensorName, expected, found);
  }
  if (batch !== undefined && isFixed(batch)) mismatch(file, tensorName, `${expected} with a dynamic batch`, found);
}

function isFixed(size: number | string): boolean {
  return typeof size === 'number' && size >= 0;
}

function mismatch(file: string, tensor: string, expected: string, found: string): never {
  throw new ConclaveError(
    'CVE_BUNDLE_ONNX_INVALID',
    `${file}: expected ${tensor} ${expected.startsWith('to ') ? expected : `to be ${expected}`}, found ${found}; correct the names and sizes in bundle.json or export the model anew`,
  );
}

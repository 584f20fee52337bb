import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ConclaveError, type ErrorCode, messageOf } from '@conclave/contracts';

/** Reads and refuses the files of one directory under one error code, so that each complaint reads `<code>: <file>[:<line>]: ...`. */
export class CheckedFolder {
  readonly dir: string;
  readonly #code: ErrorCode;

  constructor(dir: string, code: ErrorCode) {
    this.dir = dir;
    this.#code = code;
    if (statSync(dir, { throwIfNoEntry: false })?.isDirectory() !== true)
      throw new ConclaveError(code, `${dir} is no folder; name the folder that holds the files`);
  }

  refuse(at: string, problem: string): never {
    throw new ConclaveError(this.#code, `${join(this.dir, at)}: ${problem}`);
  }

  text(file: string, wayOut: string): string {
    try {
      return readFileSync(join(this.dir, file), 'utf8');
    } catch (error) {
      return this.refuse(file, `cannot be read (${messageOf(error)}); ${wayOut}`);
    }
  }

  json(file: string, wayOut: string): unknown {
    return this.parse(this.text(file, wayOut), file);
  }

  /** JSON of one document or line. */
  parse(text: string, at: string): unknown {
    try {
      return JSON.parse(text);
    } catch (error) {
      return this.refuse(at, `is not JSON (${messageOf(error)}); correct it`);
    }
  }

  /** Size in bytes, undefined when it is no file. */
  size(file: string): number | undefined {
    const stat = statSync(join(this.dir, file), { throwIfNoEntry: false });
    return stat?.isFile() === true ? stat.size : undefined;
  }
}

import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { ConclaveError, messageOf } from '@conclave/contracts';

/** What one `.env` file gave. Names only: values are keys and never shown. */
export interface ReadEnvFile {
  readonly file: string;
  /** Variables taken from it. */
  readonly names: readonly string[];
  /** Variables that it sets too, and that the environment or a file before it has set already. */
  readonly overruled: readonly string[];
}

export interface EnvFiles {
  /** The environment with what the files add to it. */
  readonly env: NodeJS.ProcessEnv;
  readonly files: readonly ReadEnvFile[];
}

/** Where `.env` may stand: beside the configuration, whose value wins, and in the checkout. */
export function envFilesOf(configFile: string, checkout: string): string[] {
  return [...new Set([dirname(resolve(configFile)), resolve(checkout)])].map((folder) => join(folder, '.env'));
}

/**
 * Adds to an environment what `.env` files set. What the environment has, even empty, stays; of two files the first wins; a variable that a
 * file leaves empty is not set. A file that is not there is passed over.
 * @throws CVE_ENVIRONMENT_INVALID naming file and line of what is no NAME=value, never its text: it may be a key.
 */
export function readEnvFiles(paths: readonly string[], env: Readonly<NodeJS.ProcessEnv>): EnvFiles {
  const merged: NodeJS.ProcessEnv = { ...env };
  const files: ReadEnvFile[] = [];
  for (const file of paths) {
    const text = readText(file);
    if (text === undefined) continue;
    refuseMalformed(file, text);
    const given = Object.entries(parseEnv(text)).filter(([, value]) => value !== undefined && value !== '');
    const names: string[] = [];
    const overruled: string[] = [];
    for (const [name, value] of given) {
      if (merged[name] === undefined) {
        merged[name] = value;
        names.push(name);
      } else if (merged[name] !== value) overruled.push(name);
    }
    files.push({ file, names, overruled });
  }
  return { env: merged, files };
}

/** A line for each file, for whoever starts the system: the names that came from it. */
export function describeEnvFiles(files: readonly ReadEnvFile[]): string[] {
  return files.map(({ file, names, overruled }) => {
    const taken = names.length === 0 ? 'sets nothing' : `sets ${names.join(', ')}`;
    const kept =
      overruled.length === 0
        ? ''
        : `; ${overruled.join(', ')} stay${overruled.length === 1 ? 's' : ''} as set before it`;
    return `${file} ${taken}${kept}`;
  });
}

function readText(file: string): string | undefined {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw invalid(`${file} cannot be read (${messageOf(error)}); make it a file that you may read, or remove it`);
  }
  try {
    // Node's parser takes a lone carriage return for a part of the value.
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes).replace(/\r\n?/g, '\n');
  } catch {
    throw invalid(`${file} is not UTF-8 text; save it as UTF-8`);
  }
}

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Node's parser takes anything and leaves out in silence what it cannot read: a key with a typing error would just be missing. */
function refuseMalformed(file: string, text: string): void {
  const lines = text.split('\n');
  for (let index = 0; index < lines.length; index++) {
    const line = (lines[index] ?? '').trim();
    if (line === '' || line.startsWith('#')) continue;
    const equals = line.indexOf('=');
    const name = line
      .slice(0, Math.max(0, equals))
      .replace(/^export\s+/, '')
      .trim();
    if (!NAME.test(name)) {
      throw invalid(
        `${file}, line ${index + 1}, is no NAME=value; write it like OPENAI_API_KEY=..., or begin it with #`,
      );
    }
    const value = line.slice(equals + 1).trim();
    const quote = /^["'`]/.exec(value)?.[0];
    if (quote === undefined || value.indexOf(quote, 1) > 0) continue;
    // A quoted value may go on over several lines.
    const end = lines.findIndex((later, at) => at > index && later.includes(quote));
    if (end < 0)
      throw invalid(
        `${file}, line ${index + 1}: the ${quote} that ${name} begins with is never closed; close or remove it`,
      );
    index = end;
  }
}

function invalid(text: string): ConclaveError {
  return new ConclaveError('CVE_ENVIRONMENT_INVALID', text);
}

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** The first line that `program --version` prints. */
export async function versionOf(program: string, env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const { stdout } = await promisify(execFile)(program, ['--version'], { env });
  return stdout.split('\n')[0]?.trim() ?? '';
}

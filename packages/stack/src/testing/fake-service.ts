import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Keeps the environment contract of a service: health over HTTP, ends with its parent. `GET /env` shows what it was given. */
const source = `
import { createServer } from 'node:http';
const env = process.env;
createServer((request, response) => {
  if (request.url === '/crash') process.exit(3);
  response.end(request.url === '/env' ? JSON.stringify(env) : 'ok');
}).listen(Number(env.CONCLAVE_HTTP_PORT), '127.0.0.1');
process.stdin.on('end', () => process.exit(0)).resume();
process.on('SIGTERM', () => process.exit(0));
console.log('serving as', env.CONCLAVE_INSTANCE);
`;

/** Writes stand-ins for the named services in the repository's layout and returns the directory that holds them. */
export async function writeFakeServices(directory: string, names: readonly string[]): Promise<string> {
  for (const name of names) {
    await mkdir(join(directory, name, 'src'), { recursive: true });
    await writeFile(join(directory, name, 'package.json'), '{ "type": "module" }');
    await writeFile(join(directory, name, 'src', 'main.ts'), source);
  }
  return directory;
}

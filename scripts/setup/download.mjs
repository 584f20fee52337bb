import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';

const [url, file] = process.argv.slice(2);

try {
  const response = await fetch(url, { signal: AbortSignal.timeout(110_000) });
  if (!response.ok || !response.body) throw new Error(`the answer was ${response.status} ${response.statusText}`);
  await pipeline(response.body, createWriteStream(file));
} catch (error) {
  console.error(`${url} could not be fetched: ${error.cause?.message ?? error.message}`);
  process.exit(1);
}

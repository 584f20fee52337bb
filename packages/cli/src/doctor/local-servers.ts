import { VENDORS } from '@conclave/agents';
import { z } from 'zod';
import { type Check, ok } from './check.ts';

/** Servers of language models on this machine, at the ports that they take by themselves. */
const USUAL = [
  ['Ollama', 11434],
  ['llama.cpp', 8080],
  ['vLLM', 8000],
  ['LM Studio', 1234],
] as const;
/** Whose protocol they speak. */
const ADAPTER = VENDORS.find(({ isSpokenByOthers }) => isSpokenByOthers)?.name;
const ANSWER_MS = 1500;
const SHOWN_MODELS = 4;

export interface LocalServer {
  readonly name: string;
  /** Base URL of its API. */
  readonly baseUrl: string;
}

export const LOCAL_SERVERS: readonly LocalServer[] = USUAL.map(([name, port]) => ({
  name,
  baseUrl: `http://127.0.0.1:${port}/v1`,
}));

const modelList = z.object({ data: z.array(z.object({ id: z.string().min(1) })) });

/** Which of these serve models, and how a chair takes one. What answers otherwise is another program and not told of. */
export async function checkLocalServers(
  servers: readonly LocalServer[],
  usedUrls: readonly string[],
): Promise<Check[]> {
  const found = await Promise.all(servers.map((server) => checkOne(server, usedUrls)));
  const checks = found.flat();
  if (checks.length > 0) return checks;
  const asked = servers.map(({ name, baseUrl }) => `${name} (${new URL(baseUrl).port})`).join(', ');
  return [ok('Local models', 'servers', `none answers here; asked for ${asked}`)];
}

async function checkOne({ name, baseUrl }: LocalServer, usedUrls: readonly string[]): Promise<Check[]> {
  const models = await modelsOf(baseUrl);
  if (models === undefined) return [];
  const isUsed = usedUrls.some((url) => url.replace('//localhost:', '//127.0.0.1:').replace(/\/$/, '') === baseUrl);
  const [first] = models;
  if (first === undefined)
    return [ok('Local models', name, `${baseUrl} answers and has no model yet`, 'fetch one into it')];
  const more = models.length > SHOWN_MODELS ? ` and ${models.length - SHOWN_MODELS} more` : '';
  const detail = `${baseUrl} serves ${models.slice(0, SHOWN_MODELS).join(', ')}${more}`;
  if (isUsed) return [ok('Local models', name, `${detail}; this configuration uses it`)];
  const line = `{ adapter: ${ADAPTER}, baseUrl: "${baseUrl}", model: "${first}", prompt: ... }`;
  return [ok('Local models', name, detail, `to seat it, write as a chair: ${line}`)];
}

async function modelsOf(baseUrl: string): Promise<string[] | undefined> {
  try {
    const answer = await fetch(`${baseUrl}/models`, { signal: AbortSignal.timeout(ANSWER_MS), redirect: 'error' });
    const parsed = modelList.safeParse(await answer.json());
    return answer.ok && parsed.success ? parsed.data.data.map(({ id }) => id) : undefined;
  } catch {
    return undefined;
  }
}

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';

/** A local server that speaks the wire format of OpenAI's chat completions to the real SDK. */
export interface Vendor {
  readonly baseUrl: string;
  /** Bodies of the requests it was sent. */
  readonly prompts: string[];
  /** What it says next, in order; `{}` when nothing is left. */
  readonly answers: unknown[];
  /** Answers nothing but 503. */
  isDown: boolean;
  close(): void;
}

export async function startVendor(): Promise<Vendor> {
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    vendor.prompts.push(body);
    const content = JSON.stringify(vendor.answers.shift() ?? {});
    response.statusCode = vendor.isDown ? 503 : 200;
    response.setHeader('content-type', 'application/json');
    response.end(
      JSON.stringify({
        ...{ id: 'x', object: 'chat.completion', created: 1, model: 'm' },
        choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content } }],
        usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
      }),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  const vendor: Vendor = {
    baseUrl: `http://127.0.0.1:${address.port}/v1`,
    prompts: [],
    answers: [],
    isDown: false,
    close: () => void server.close(),
  };
  return vendor;
}

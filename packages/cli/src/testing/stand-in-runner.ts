import { createServer } from 'node:http';
import { type Bus, openMembership, serveApi } from '@conclave/bus';
import { type RunnerStatus, subjects } from '@conclave/contracts';

const ANSWER = {
  model_name: 'emoji-search',
  model_version: '1.0',
  outputs: [
    { name: 'ids', datatype: 'BYTES', shape: [1, 1], data: ['cat'] },
    { name: 'scores', datatype: 'FP32', shape: [1, 1], data: [1] },
  ],
};
const RENEW_MS = 2000;

/** A stand-in for a runner that has `emoji-search` 1.0 ready, over HTTP and on the bus. @returns what ends it */
export async function standInRunner(bus: Bus, digest: string, dataset: string): Promise<() => Promise<void>> {
  const http = createServer((request, response) => {
    request.resume();
    response.writeHead(200, { 'content-type': 'application/json', 'x-conclave-version': '1.0' });
    response.end(JSON.stringify(ANSWER));
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const address = http.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const api = serveApi(bus, { name: 'stand-in-runner', version: '0.0.1', description: 'answers infer' });
  api.endpoint('infer', subjects.infer('emoji-search'), async () => ANSWER);
  await api.ready();
  const version = { version: '1.0', digest, dataset, state: 'ready', detail: '', share: 1, mode: 'live' } as const;
  const status: RunnerStatus = {
    runner: 'gpu-runner-0',
    roles: ['serve'],
    at: new Date().toISOString(),
    url: `http://127.0.0.1:${port}`,
    models: [{ model: 'emoji-search', rolloutSeq: 1, confirmed: true, versions: [version] }],
  };
  const membership = openMembership(bus);
  await membership.put(status.runner, status);
  const renewing = setInterval(() => void membership.put(status.runner, status), RENEW_MS);
  return async () => {
    clearInterval(renewing);
    await api.stop();
    http.closeAllConnections();
    http.close();
  };
}

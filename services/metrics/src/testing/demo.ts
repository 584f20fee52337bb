import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openJournal, openMembership, publishTelemetry } from '@conclave/bus';
import { startTestBus } from '@conclave/bus/testing';
import { aggregates, subjects } from '@conclave/contracts';
import { fill } from './fill.ts';
import { putSeating, realisticSeating } from './seats.ts';
import { realisticRunner, realisticWindows } from './telemetry.ts';

/*
 * For working on the status page: `node services/metrics/src/testing/demo.ts [port] [empty]` starts a nats-server with a realistic
 * history and this service before it, until it is interrupted. `empty` leaves the journal empty; `absent` leaves most chairs empty.
 */
const [port = '7070', content = 'full'] = process.argv.slice(2);
const repository = join(import.meta.dirname, '../../../..');

await using server = await startTestBus();
if (content !== 'empty') await fill(server.bus, new Date());
const dataDir = await mkdtemp(join(tmpdir(), 'conclave-metrics-'));
const service = spawn(process.execPath, [join(repository, 'services/metrics/src/main.ts')], {
  stdio: 'inherit',
  env: {
    ...process.env,
    CONCLAVE_CONFIG: join(repository, 'config/demo.yaml'),
    CONCLAVE_INSTANCE: 'metrics-0',
    CONCLAVE_NATS_URL: server.nats.url,
    ...(await server.signingFiles(dataDir)),
    CONCLAVE_HTTP_PORT: port,
    CONCLAVE_DATA_DIR: dataDir,
  },
});
const MOST = ['moderator', 'pre_architect', 'data_analyst', 'ops_commander', 'latency_analyst'];
const journal = openJournal(server.bus, { by: 'coordinator-0' });
let slot = 45;
const beat = setInterval(() => {
  if (content === 'empty') return;
  const now = new Date();
  const data = { slot, drains: false, dispatched: 0 };
  const heartbeat = { id: `beat-${slot++}`, type: 'schedule.heartbeat', at: now.toISOString(), data };
  void journal.append(aggregates.schedule, 'any', [heartbeat]);
  void openMembership(server.bus).put('gpu-runner-0', realisticRunner(now));
  void putSeating(server.bus, realisticSeating(now, content === 'absent' ? MOST : []));
  for (const window of realisticWindows(now, 1).slice(-2))
    void publishTelemetry(server.bus, subjects.telemetry(window.model, window.version), window, {
      msgId: `${window.version}-${window.to}`,
    });
}, 2000);
console.log(`http://127.0.0.1:${port} (NATS ${server.nats.url})`);
process.once('SIGINT', () => service.kill('SIGTERM'));
process.once('SIGTERM', () => service.kill('SIGTERM'));
await once(service, 'exit');
clearInterval(beat);

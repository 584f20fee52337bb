import { createInterface } from 'node:readline';
import { signalGroup } from './process-group.ts';
import { waitUntil } from './wait.ts';

/**
 * A process of its own that outlives a killed stack for as long as it takes to end what the stack had started. It reads `+<pid>` and
 * `-<pid>` on stdin; when stdin closes, the process groups still on its list are asked to end, and after a grace period made to.
 */
const graceMs = 3_000;
const groups = new Set<number>();

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);

for await (const line of createInterface({ input: process.stdin })) {
  const pid = Number(line.slice(1));
  if (!Number.isInteger(pid) || pid <= 1) continue;
  if (line.startsWith('+')) groups.add(pid);
  else groups.delete(pid);
}

for (const group of groups) signalGroup(group, 'SIGTERM');
await waitUntil(() => [...groups].every((group) => !signalGroup(group, 0)), graceMs);
for (const group of groups) signalGroup(group, 'SIGKILL');

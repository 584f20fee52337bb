import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { keepPorts, portsFile, takePorts } from './kept-ports.ts';
import { temporaryDir } from './testing/temporary.ts';

const any = new Map([
  ['nats-server', 0],
  ['metrics-0', 0],
]);

/** A state folder on which a stack came up once. */
async function used(context: TestContext) {
  const dataDir = await temporaryDir(context);
  const { ports } = await takePorts(dataDir, any);
  await keepPorts(dataDir, ports);
  return { dataDir, ports };
}

test('the ports of the last start are taken again, whatever is usual', async (context) => {
  const { dataDir, ports } = await used(context);
  const again = await takePorts(dataDir, new Map([...any, ['metrics-0', 7070]]));
  assert.deepEqual(again, { ports, moved: [] });
});

test('a port that another program has now is replaced for good, and said', async (context) => {
  const { dataDir, ports } = await used(context);
  const kept = ports.get('metrics-0') ?? 0;
  const holder = createServer().listen(kept, '127.0.0.1');
  context.after(() => holder.close());
  await once(holder, 'listening');
  const { ports: now, moved } = await takePorts(dataDir, any);
  const port = now.get('metrics-0') ?? 0;
  assert.deepEqual(moved, [{ name: 'metrics-0', kept, port }]);
  assert.notEqual(port, kept);
  await keepPorts(dataDir, now);
  assert.deepEqual(await takePorts(dataDir, any), { ports: now, moved: [] });
});

test('a file that holds no ports is as good as none', async (context) => {
  const dataDir = await temporaryDir(context);
  for (const text of ['{"metrics-0": "7070", "nats-server": -1}', '{', 'null']) {
    await writeFile(portsFile(dataDir), text);
    assert.deepEqual((await takePorts(dataDir, any)).moved, [], text);
  }
  assert.equal(portsFile(dataDir), join(dataDir, 'ports.json'));
});

import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { reservePorts } from './ports.ts';

/** A server of the stack, by name: `nats-server`, or an instance such as `metrics-0`. */
export type Ports = ReadonlyMap<string, number>;

/** A port that was kept and that another program has now. */
export interface PortMoved {
  readonly name: string;
  readonly kept: number;
  readonly port: number;
}

/**
 * The ports that servers had at the last start, as far as they are free, else those wished for, else free ones: addresses stay the same
 * over restarts.
 * @param wishes by name; 0 for any
 */
export async function takePorts(
  dataDir: string,
  wishes: Ports,
): Promise<{ readonly ports: Ports; readonly moved: readonly PortMoved[] }> {
  const kept = await readPorts(dataDir);
  const names = [...wishes.keys()];
  const wanted = names.map((name) => kept.get(name) ?? wishes.get(name) ?? 0);
  const taken = await reservePorts(wanted);
  const ports = new Map(names.map((name, index) => [name, taken[index] ?? 0]));
  const moved = names.flatMap((name) => {
    const [before, port] = [kept.get(name), ports.get(name) ?? 0];
    return before === undefined || before === port ? [] : [{ name, kept: before, port }];
  });
  return { ports, moved };
}

/** Remembers the ports of a stack that came up. Those of servers that it does not run this time stay remembered. */
export async function keepPorts(dataDir: string, ports: Ports): Promise<void> {
  const all = new Map([...(await readPorts(dataDir)), ...ports]);
  await mkdir(dataDir, { recursive: true });
  const draft = `${portsFile(dataDir)}.${process.pid}`;
  await writeFile(draft, `${JSON.stringify(Object.fromEntries(all), null, 2)}\n`);
  await rename(draft, portsFile(dataDir));
}

export function portsFile(dataDir: string): string {
  return join(dataDir, 'ports.json');
}

/** Empty where there is no such file, or none that can be read: it only saves users from looking addresses up again. */
async function readPorts(dataDir: string): Promise<Ports> {
  try {
    const value: unknown = JSON.parse(await readFile(portsFile(dataDir), 'utf8'));
    return new Map(
      Object.entries(Object(value)).flatMap(([name, port]) =>
        typeof port === 'number' && Number.isInteger(port) && port > 0 && port < 65_536 ? [[name, port]] : [],
      ),
    );
  } catch {
    return new Map();
  }
}

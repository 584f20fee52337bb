import { setTimeout as pause } from 'node:timers/promises';
import type { Bus } from '../ports/connection.ts';
import type { TestNats } from './nats-server.ts';
import { until } from './until.ts';

/** Has the server stand still, and resolves when it does: a signal takes a moment to arrive. SIGCONT wakes it. */
export async function freeze(nats: TestNats, bus: Bus): Promise<void> {
  nats.signal('SIGSTOP');
  const answers = (): Promise<boolean> => Promise.race([bus.flush().then(() => true), pause(100, false)]);
  await until(async () => !(await answers()), 'the server stands still');
}

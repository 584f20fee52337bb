import { join } from 'node:path';
import { z } from 'zod';

/*
 * The process of one contestant: `node contestant.ts <module> [count ...]`, started by main.ts, which gets what the module's `measure`
 * returned as a message. A process of its own keeps one contestant's heap, timers and crash from the next.
 */
const contestant = z.object({
  measure: z.custom<(counts: readonly number[]) => Promise<unknown>>((value) => typeof value === 'function'),
});

// An exit in order, also when main.ts was killed, lets the servers be ended.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));
process.on('disconnect', () => process.exit(1));

const [module = '', ...counts] = process.argv.slice(2);
const { measure } = contestant.parse(await import(join(import.meta.dirname, module)));
const measured = await measure(counts.map(Number));
await new Promise((sent) => process.send?.(measured, sent));
process.exit(0);

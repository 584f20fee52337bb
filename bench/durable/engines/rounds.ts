import type { Figures } from '../figures.ts';
import { median } from '../statistics.ts';

const ACTIONS_ALONE = 30;
const WARM_UP = 50;

/** The figures of a contestant that `run` hands so many actions to and waits for. Its first, slower ones are not counted. */
export async function measureRounds(
  counts: readonly number[],
  run: (actions: number) => Promise<void>,
): Promise<Pick<Figures, 'rows' | 'oneActionMs'>> {
  const secondsOf = async (actions: number): Promise<number> => {
    const startedAt = performance.now();
    await run(actions);
    return (performance.now() - startedAt) / 1000;
  };
  await secondsOf(WARM_UP);
  const alone: number[] = [];
  for (let index = 0; index < ACTIONS_ALONE; index++) alone.push((await secondsOf(1)) * 1000);
  const rows = [];
  for (const actions of counts) rows.push({ actions, seconds: await secondsOf(actions) });
  return { rows, oneActionMs: median(alone) };
}

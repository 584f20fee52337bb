import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openWorkQueue, publishInbox } from '@conclave/bus';
import { actionWork, subjects } from '@conclave/contracts';
import { fakeClock } from '@conclave/service';
import { startLeading } from '../testing/leading.ts';

/** As many heartbeats as meetings: each is the last before one, so none holds an action back. */
const PACING_OFF = { heartbeatIntervalSeconds: 1800, meetingIntervalSeconds: 1800 };

test('handed-off actions of three levels are dispatched and end while the clock stands still', async () => {
  await using c = await startLeading({ clock: fakeClock(), pace: PACING_OFF });
  const carriedOut: string[] = [];
  // Beside the journal, as the executor does it: the leader hears of it by the commit alone.
  const executor = openWorkQueue(c.bench.bus).consume({
    name: 'executor',
    filter: subjects.workActionAll,
    concurrency: 2,
    async handler(job) {
      const { actionId } = actionWork.parse(job.json()).action;
      carriedOut.push(actionId);
      await c.given({ kind: 'actions', id: actionId }, [
        'action.completed',
        { actionId, outcome: 'succeeded', summary: '', criteria: [] },
      ]);
    },
  });
  const action = (id: number, priority: string, dependsOn: number[] = []) => ({
    ...{ id, action: `check ${id}`, owner: 'ops_commander', priority, depends_on: dependsOn },
    ...{ tool: 'check_file', args: { path: 'a' } },
  });
  const actions = [action(1, 'low'), action(2, 'high'), action(3, 'high', [2]), action(4, 'medium')];
  await publishInbox(c.bench.bus, subjects.handoff, {
    ...{ timestamp: '2026-01-01T00:00:00', meeting_id: 'woken', actions, count: actions.length, source: 'test' },
  });
  await c.until(({ schedule }) => {
    const all = Object.values(schedule.actions);
    return all.length === 4 && all.every(({ state }) => state === 'ended') ? true : undefined;
  });
  await executor.stop();
  assert.deepEqual(carriedOut, ['woken:2', 'woken:3', 'woken:4', 'woken:1']);
});

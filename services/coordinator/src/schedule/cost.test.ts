import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aggregates, conclaveConfig, parseHandoff } from '@conclave/contracts';
import { optionsOf } from '../coordinator-options.ts';
import { decideSchedule } from '../leader/schedule-loop.ts';
import { TestWorld } from '../testing/test-world.ts';
import { intakeEvents } from './intake.ts';

const OPTIONS = optionsOf(
  conclaveConfig.parse({ pace: { heartbeatIntervalSeconds: 1800, meetingIntervalSeconds: 1800 } }),
);
/** Ends that share a turn, as many as an executor has hands. */
const HANDS = 32;

/** Processor time for taking so many actions in, dispatching them all at once and ending them, milliseconds an action. */
function costOfEach(actions: number): number {
  const t = new TestWorld();
  const turn = (): string[] => {
    const events = decideSchedule(t.world, t.now, OPTIONS);
    t.append(aggregates.schedule, events);
    return events.flatMap((e) => (e.type === 'schedule.action_dispatched' ? [e.data.actionId] : []));
  };
  const before = process.cpuUsage();
  for (let from = 0; from < actions; from += 50) {
    const one = (_: unknown, id: number) => ({
      ...{ id, action: 'check', owner: 'ops_commander', priority: 'high' },
      ...{ tool: 'check_file', args: { path: 'a' } },
    });
    const plan = { timestamp: 't', meeting_id: `p${from}`, actions: Array.from({ length: 50 }, one), count: 50 };
    t.append(aggregates.schedule, intakeEvents(t.world, parseHandoff({ ...plan, source: '' }), t.now));
  }
  const waiting: string[] = [];
  for (let dispatched = turn(); dispatched.length > 0; dispatched = turn()) waiting.push(...dispatched);
  assert.equal(waiting.length, actions);
  for (let from = 0; from < actions; from += HANDS) {
    for (const actionId of waiting.slice(from, from + HANDS)) {
      const data = { actionId, outcome: 'succeeded', summary: '', criteria: [] };
      const id = `${actionId}!`;
      t.append(aggregates.action(actionId), [{ id, type: 'action.completed', at: t.now.toISOString(), data }]);
    }
    turn();
  }
  assert.ok(Object.values(t.world.schedule.actions).every(({ state }) => state === 'ended'));
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 / actions;
}

test('an action costs the leader the same with a thousand open and with eight thousand', () => {
  costOfEach(1000);
  // The least of three: whatever else the machine does only adds.
  const least = (actions: number): number => Math.min(...[1, 2, 3].map(() => costOfEach(actions)));
  const [few, many] = [least(1000), least(8000)];
  assert.ok(many < 2 * few, `${few.toFixed(3)} ms with 1,000 open, ${many.toFixed(3)} ms with 8,000`);
});

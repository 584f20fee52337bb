import { openJournal } from '@conclave/bus';
import {
  type ActionRun,
  ConclaveError,
  foldWorld,
  initialWorld,
  type ScheduledAction,
  subjects,
  type World,
} from '@conclave/contracts';
import { byLevel } from '../output/text.ts';
import type { Session } from '../session.ts';

/** Prints each action of a plan as it ends, and comes back when the last has. @throws CVE_TOOL_TIMEOUT after `timeoutMs` */
export async function waitForPlan({ bus, print }: Session, planId: string, timeoutMs: number): Promise<void> {
  let world = initialWorld();
  const told = new Set<string>();
  const finished = Promise.withResolvers<void>();
  const tell = (): void => {
    const actions = actionsOf(world, planId);
    for (const action of actions.filter((a) => a.state === 'ended' && !told.has(a.actionId))) {
      told.add(action.actionId);
      print(endingText(action, world.actions[action.actionId]));
    }
    if (actions.length > 0 && told.size === actions.length) finished.resolve();
  };
  const follower = openJournal(bus, { by: 'conclave-cli' }).follow({
    filters: [subjects.journalAll],
    onCommit: (commit) => {
      world = foldWorld(world, commit);
      if (follower.caughtUp) tell();
    },
    onCaughtUp: () => setImmediate(tell),
    onError: (error) => finished.reject(error),
  });
  const late = setTimeout(() => {
    const open = actionsOf(world, planId).filter((a) => a.state !== 'ended');
    const names = open.map((a) => a.actionId).join(', ');
    finished.reject(
      new ConclaveError(
        'CVE_TOOL_TIMEOUT',
        `${names} did not end within ${timeoutMs / 1000} s; they go on, see conclave status`,
      ),
    );
  }, timeoutMs);
  try {
    await finished.promise;
  } finally {
    clearTimeout(late);
    await follower.stop();
  }
}

function actionsOf(world: World, planId: string): ScheduledAction[] {
  return Object.values(world.schedule.actions).filter((action) => action.planId === planId);
}

function endingText({ actionId, action, outcome = 'uncertain' }: ScheduledAction, run: ActionRun | undefined): string {
  const level = outcome === 'succeeded' ? 'good' : outcome === 'superseded' ? 'detail' : 'bad';
  const summary = run?.completed?.summary ?? 'it ended without having started';
  return `${byLevel(level, outcome)}  ${actionId}  ${action}\n  ${summary}`;
}

import { openJournal } from '@conclave/bus';
import {
  type Commit,
  duration,
  foldWorld,
  initialWorld,
  PRIORITIES,
  type RunnerStatus,
  subjects,
  type World,
} from '@conclave/contracts';
import type { Command } from 'commander';
import { rolloutSummary } from '../output/rollout.ts';
import { bold, columns, dim, style } from '../output/text.ts';
import { readRunners, readWorld } from '../read-world.ts';
import type { Session, WithSession } from '../session.ts';

const REDRAW_MS = 1000;

export function addStatus(program: Command, withSession: WithSession): void {
  program
    .command('status')
    .description('what serves, what is being rolled out, and who is there')
    .option('--json', 'as JSON')
    .option('--watch', 'draw it anew every second until interrupted')
    .action(async (options: { json?: boolean; watch?: boolean }) => {
      await withSession(async (session) => {
        if (options.watch === true) return await watch(session);
        const [world, runners] = await Promise.all([readWorld(session.bus), readRunners(session.bus)]);
        session.print(
          options.json === true
            ? JSON.stringify(statusJson(world, runners), null, 2)
            : statusText(world, runners, Date.now()),
        );
      });
    });
}

function statusJson(world: World, runners: readonly RunnerStatus[]): object {
  const { schedule } = world;
  return {
    seq: world.seq,
    leader: schedule.leader ?? null,
    leaderEpoch: schedule.leaderEpoch,
    runners,
    rollouts: world.rollouts,
    actions: Object.values(schedule.actions).filter((a) => a.state !== 'ended'),
    meetings: schedule.meetings,
    incidents: Object.values(world.incidents).filter((i) => i.resolved === undefined),
  };
}

export function statusText(world: World, runners: readonly RunnerStatus[], now: number): string {
  const { schedule } = world;
  const leader =
    schedule.leader === undefined ? style('red', 'none') : `${schedule.leader} ${dim(`epoch ${schedule.leaderEpoch}`)}`;
  const heartbeat = schedule.lastHeartbeatAt === undefined ? 'none yet' : ago(schedule.lastHeartbeatAt, now);
  const facts = [
    ['leader', leader],
    [
      'runners',
      runners.length === 0
        ? style('red', 'none up')
        : runners.map((r) => `${r.runner} ${dim(`(${r.roles.join(', ')})`)}`).join(', '),
    ],
    ['journal', `#${world.seq}, last heartbeat ${heartbeat}`],
    ['meeting', meetingText(world, now)],
    ['actions', actionsText(world)],
    ['incidents', incidentsText(world)],
  ];
  const states = Object.values(world.rollouts).sort((a, b) => (a.model < b.model ? -1 : 1));
  const rollouts = states.map((state) => rolloutSummary(state, now));
  const none = `No model yet. Begin with: ${bold('conclave model push <folder>')}, then ${bold('conclave adopt <model> <version> --dataset <name>')}`;
  return [columns(facts), ...(rollouts.length === 0 ? [none] : rollouts)].join('\n\n');
}

function meetingText({ schedule }: World, now: number): string {
  const [last] = schedule.meetings;
  if (last === undefined) return 'none yet';
  if (last.endedAt === undefined) return `${last.meetingId} in session (${last.reason.replaceAll('_', ' ')})`;
  return `${last.meetingId} ${last.outcome?.replaceAll('_', ' ') ?? 'ended'} ${ago(last.endedAt, now)}`;
}

function actionsText({ schedule }: World): string {
  const open = Object.values(schedule.actions).filter((a) => a.state !== 'ended');
  if (open.length === 0) return 'none open';
  const counts = PRIORITIES.map((p) => [p, open.filter((a) => a.priority === p).length] as const).filter(
    ([, count]) => count > 0,
  );
  return `${open.length} open (${counts.map(([p, count]) => `${count} ${p.toUpperCase()}`).join(', ')})`;
}

function incidentsText({ incidents }: World): string {
  const open = Object.values(incidents).filter((i) => i.resolved === undefined);
  if (open.length === 0) return 'none open';
  return open
    .map((i) => style(i.severity === 'P0' ? 'red' : 'yellow', `${i.severity} ${i.incidentId}: ${i.title}`))
    .join('; ');
}

function ago(iso: string, now: number): string {
  return `${duration(Math.max(0, now - Date.parse(iso)) / 1000)} ago`;
}

async function watch({ bus, print }: Session): Promise<void> {
  let world = initialWorld();
  const ended = Promise.withResolvers<void>();
  const follower = openJournal(bus, { by: 'conclave-cli' }).follow({
    filters: [subjects.journalAll],
    onCommit: (commit: Commit) => {
      world = foldWorld(world, commit);
    },
    onError: (error) => ended.reject(error),
  });
  const draw = async (): Promise<void> => {
    const text = statusText(world, await readRunners(bus), Date.now());
    print(`${process.stdout.isTTY ? '\u001b[2J\u001b[H' : ''}${text}\n`);
  };
  const timer = setInterval(() => {
    if (follower.caughtUp) draw().catch(ended.reject);
  }, REDRAW_MS);
  process.once('SIGINT', () => ended.resolve());
  try {
    await ended.promise;
  } finally {
    clearInterval(timer);
    await follower.stop();
  }
}

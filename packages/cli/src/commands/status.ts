import { basename } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { openJournal } from '@conclave/bus';
import {
  type Commit,
  duration,
  foldWorld,
  type HeardRunner,
  messageOf,
  oneLine,
  PRIORITIES,
  type RunnerPresence,
  runnerPresence,
  stageRunners,
  subjects,
  type World,
} from '@conclave/contracts';
import type { Command } from 'commander';
import { hasLeader } from '../api.ts';
import type { Settings } from '../connect.ts';
import { rolloutSummary } from '../output/rollout.ts';
import { bold, columns, dim, style } from '../output/text.ts';
import { hearRunners, readWorld } from '../read-world.ts';
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
        const [world, present] = await Promise.all([readWorld(session.bus), whoIsThere(session)]);
        session.print(
          options.json === true
            ? JSON.stringify(statusJson(world, present), null, 2)
            : statusText(world, present, Date.now()),
        );
      });
    });
}

/** What the journal does not know. */
interface Present {
  readonly heard: readonly HeardRunner[];
  /** Runners that this stack starts. */
  readonly started: readonly string[];
  readonly leaderAnswers: boolean;
  readonly settings: Settings;
}

async function whoIsThere({ bus, settings }: Session): Promise<Present> {
  const [heard, leaderAnswers] = await Promise.all([hearRunners(bus), hasLeader(bus)]);
  const started = (settings.stack?.instances ?? []).filter((name) => name.startsWith('gpu-runner-'));
  return { heard, started, leaderAnswers, settings };
}

function presenceOf(world: World, { heard, started }: Present, now: number): RunnerPresence[] {
  return runnerPresence(heard, [...started, ...stageRunners(world)], new Date(now));
}

function statusJson(world: World, present: Present): object {
  const { schedule } = world;
  return {
    seq: world.seq,
    leader: schedule.leader ?? null,
    leaderEpoch: schedule.leaderEpoch,
    stack: { natsUrl: present.settings.natsUrl, ...present.settings.stack },
    leaderAnswers: present.leaderAnswers,
    runners: present.heard.map(({ status }) => status),
    runnerStates: presenceOf(world, present, Date.now()),
    rollouts: world.rollouts,
    actions: Object.values(schedule.actions).filter((a) => a.state !== 'ended'),
    meetings: schedule.meetings,
    incidents: Object.values(world.incidents).filter((i) => i.resolved === undefined),
  };
}

function statusText(world: World, present: Present, now: number): string {
  const { schedule } = world;
  const heartbeat = schedule.lastHeartbeatAt === undefined ? 'none yet' : ago(schedule.lastHeartbeatAt, now);
  const facts = [
    ['leader', leaderText(world, present.leaderAnswers)],
    ['stack', stackText(present.settings)],
    ['runners', runnersText(presenceOf(world, present, now))],
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

/** Which of the systems that may run on this machine this is. */
function stackText({ natsUrl, stack }: Settings): string {
  if (stack === undefined) return `at ${natsUrl}`;
  const { stateDir, configFile, statusPage } = stack;
  const parts = [
    configFile === undefined ? '' : basename(configFile),
    natsUrl,
    statusPage === undefined ? '' : `page ${statusPage}`,
  ];
  return `${stateDir} ${dim(`(${parts.filter((part) => part !== '').join(', ')})`)}`;
}

function runnersText(runners: readonly RunnerPresence[]): string {
  if (runners.length === 0) return style('red', 'none up');
  return runners
    .map(({ runner, state, detail }) =>
      state === 'up'
        ? `${runner} ${dim(detail)}`
        : style(state === 'starting' ? 'yellow' : 'red', `${runner} ${detail}`),
    )
    .join(', ');
}

function leaderText({ schedule: { leader, leaderEpoch } }: World, answers: boolean): string {
  if (leader === undefined) return style('red', 'none');
  const epoch = dim(`epoch ${leaderEpoch}`);
  return answers ? `${leader} ${epoch}` : `${style('red', `none answers; the last was ${leader}`)} ${epoch}`;
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
    .map((i) => style(i.severity === 'P0' ? 'red' : 'yellow', `${i.severity} ${i.incidentId}: ${oneLine(i.title)}`))
    .join('; ');
}

function ago(iso: string, now: number): string {
  return `${duration(Math.max(0, now - Date.parse(iso)) / 1000)} ago`;
}

async function watch(session: Session): Promise<void> {
  const { bus, print } = session;
  let world = await readWorld(bus);
  const ended = Promise.withResolvers<void>();
  const follower = openJournal(bus, { by: 'conclave-cli' }).follow({
    filters: [subjects.journalAll],
    fromSeq: world.seq + 1,
    onCommit: (commit: Commit) => {
      world = foldWorld(world, commit);
    },
    onError: (error) => ended.reject(error),
  });
  let isOver = false;
  const drawAgainAndAgain = async (): Promise<void> => {
    while (!isOver) {
      const text = await whoIsThere(session).then(
        (present) => statusText(world, present, Date.now()),
        (error: unknown) => `${style('red', oneLine(messageOf(error)))}\ntrying again`,
      );
      if (!isOver) print(`${process.stdout.isTTY ? '\u001b[2J\u001b[H' : ''}${text}\n`);
      await pause(REDRAW_MS);
    }
  };
  process.once('SIGINT', () => ended.resolve());
  try {
    await Promise.race([ended.promise, drawAgainAndAgain()]);
  } finally {
    isOver = true;
    await follower.stop();
  }
}

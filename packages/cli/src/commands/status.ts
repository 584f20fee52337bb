import { basename } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type LiveGates, messageOf, PRIORITIES } from '@conclave/contracts';
import {
  awaitedOfPerson,
  describeUnread,
  duration,
  type HeardRunner,
  knownModels,
  oneLine,
  openRollout,
  quarantinedToLookAt,
  type RolloutsState,
  type RunnerPresence,
  runnerPresence,
  type Seating,
  seatingView,
  stageRunners,
  type World,
} from '@conclave/core';
import type { Command } from 'commander';
import { hasLeader } from '../api.ts';
import type { Settings } from '../connect.ts';
import { liveGatesOf } from '../live-gates.ts';
import { rolloutSummary } from '../output/rollout.ts';
import { agentsText, seatingAlarm } from '../output/seating.ts';
import { bold, columns, dim, style } from '../output/text.ts';
import { followWorldNow, hearRunners, readSeating, readWorld } from '../read-world.ts';
import type { Session, WithSession } from '../session.ts';

const REDRAW_MS = 1000;

export function addStatus(program: Command, withSession: WithSession): void {
  program
    .command('status')
    .description('what serves, what is being rolled out, and who is there')
    .option('--watch', 'draw it anew every second until interrupted')
    .action(async (options: { watch?: boolean }) => {
      await withSession(async (session) => {
        if (options.watch === true) return await watch(session);
        const world = await readWorld(session.bus);
        const present = await whoIsThere(session, world);
        session.answer(statusJson(world, present), statusText(world, present, new Date()));
      });
    });
}

/** What the journal does not know. */
interface Present {
  readonly heard: readonly HeardRunner[];
  /** Runners that this stack starts. */
  readonly started: readonly string[];
  readonly settings: Settings;
  readonly leaderAnswers: boolean;
  readonly seating: Seating;
  /** How the leader judges the gates of each model with an open rollout. */
  readonly gates: readonly LiveGates[];
}

async function whoIsThere({ bus, settings }: Session, world: World): Promise<Present> {
  const judged = Promise.all(Object.values(world.rollouts).map((state) => liveGatesOf(bus, state)));
  const [heard, leaderAnswers, seating, gates] = await Promise.all([
    hearRunners(bus),
    hasLeader(bus),
    readSeating(bus),
    judged,
  ]);
  const started = (settings.stack?.instances ?? []).filter((name) => name.startsWith('gpu-runner-'));
  return { heard, started, settings, leaderAnswers, seating, gates: gates.filter((live) => live !== undefined) };
}

function presenceOf(world: World, { heard, started }: Present, now: Date): RunnerPresence[] {
  return runnerPresence(heard, [...started, ...stageRunners(world)], now);
}

function statusJson(world: World, present: Present): object {
  const { schedule } = world;
  return {
    seq: world.seq,
    leader: schedule.leader ?? null,
    leaderEpoch: schedule.leaderEpoch,
    stack: { natsUrl: present.settings.natsUrl, ...present.settings.stack },
    runners: present.heard.map(({ status }) => status),
    runnerStates: presenceOf(world, present, new Date()),
    leaderAnswers: present.leaderAnswers,
    gates: present.gates,
    seating: seatingView(present.seating),
    rollouts: world.rollouts,
    waitsFor: knownModels(world).flatMap((state) => waitsFor(state)),
    actions: Object.values(schedule.actions).filter((a) => a.state !== 'ended'),
    meetings: schedule.meetings,
    incidents: Object.values(world.incidents).filter((i) => i.resolved === undefined),
    unread: describeUnread(world, 'this command'),
    quarantined: quarantinedToLookAt(world),
  };
}

function waitsFor(state: RolloutsState): object[] {
  const rollout = openRollout(state);
  const awaited = rollout === undefined ? [] : awaitedOfPerson(state, rollout, new Date());
  return awaited.map((person) => ({ model: state.model, ...person }));
}

export function statusText(world: World, present: Present, at: Date): string {
  const now = at.getTime();
  const { schedule } = world;
  const heartbeat = schedule.lastHeartbeatAt === undefined ? 'none yet' : ago(schedule.lastHeartbeatAt, now);
  const facts = [
    ['leader', leaderText(world, present.leaderAnswers)],
    ['stack', stackText(present.settings)],
    ['runners', runnersText(presenceOf(world, present, at))],
    ['agents', agentsText(present.seating)],
    ['journal', `#${world.seq}, last heartbeat ${heartbeat}${quarantineText(world)}`],
    ['meeting', meetingText(world, now)],
    ['actions', actionsText(world)],
    ['incidents', incidentsText(world)],
  ];
  const rollouts = knownModels(world).map((state) =>
    rolloutSummary(
      state,
      {
        live: present.gates.find(({ model }) => model === state.model),
        runners: present.heard.map(({ status }) => status),
      },
      at,
    ),
  );
  const none = `No model yet. Begin with: ${bold('conclave model push <folder>')}, then ${bold('conclave adopt <model> <version> --dataset <name>')}`;
  const unread = describeUnread(world, 'this command').map((line) => style('red', oneLine(line)));
  return [
    ...seatingAlarm(present.seating),
    ...unread,
    columns(facts),
    ...(rollouts.length === 0 ? [none] : rollouts),
  ].join('\n\n');
}

/** Messages that do not count are a matter for a person, who finds them among the incidents and dead letters. */
function quarantineText(world: World): string {
  const count = quarantinedToLookAt(world);
  if (count === 0) return '';
  const what = count === 1 ? 'message does' : 'messages do';
  return style('yellow', `, ${count} ${what} not count (unsigned or forged): conclave dlq list`);
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
    .map((i) =>
      style(i.severity === 'P0' ? 'red' : 'yellow', `${i.severity} ${i.incidentId}: ${oneLine(i.title)}${reported(i)}`),
    )
    .join('; ');
}

/** ` (16 times at least)` of one that was reported again and again. */
function reported({ reports }: World['incidents'][string]): string {
  return reports === undefined ? '' : ` (${reports} times at least)`;
}

function ago(iso: string, now: number): string {
  return `${duration(Math.max(0, now - Date.parse(iso)) / 1000)} ago`;
}

/** On a terminal each drawing replaces the one before. */
function drawing(text: string): string {
  return `${process.stdout.isTTY ? '\u001b[2J\u001b[H' : ''}${text}\n`;
}

async function watch(session: Session): Promise<void> {
  const { bus, print, event } = session;
  const ended = Promise.withResolvers<void>();
  const follower = await followWorldNow(bus, undefined, ended.reject);
  let isOver = false;
  const drawAgainAndAgain = async (): Promise<void> => {
    while (!isOver) {
      const { world } = follower;
      const show = await whoIsThere(session, world).then(
        (present) => () => event(statusJson(world, present), drawing(statusText(world, present, new Date()))),
        (error: unknown) => () => print(drawing(`${style('red', oneLine(messageOf(error)))}\ntrying again`)),
      );
      if (!isOver) show();
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

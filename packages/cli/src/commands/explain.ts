import { openJournal } from '@conclave/bus';
import { aggregates, type Commit } from '@conclave/contracts';
import {
  describeCommit,
  describeUnreadOf,
  missingForNextStep,
  nextStage,
  oneLine,
  openRollout,
  type RolloutsState,
  requireRollouts,
  servingOf,
  withSeating,
} from '@conclave/core';
import type { Command } from 'commander';
import { liveGatesOf } from '../live-gates.ts';
import { rolloutExplanation, type Surroundings } from '../output/rollout.ts';
import { byLevel, columns, dim, style } from '../output/text.ts';
import { readRunners, readSeating, readWorld } from '../read-world.ts';
import type { WithSession } from '../session.ts';

export function addExplain(program: Command, withSession: WithSession): void {
  program
    .command('explain')
    .argument('<model>')
    .description('why a model is where it is: gates, votes, and what is missing for the next stage')
    .action(async (model: string) => {
      await withSession(async ({ bus, answer }) => {
        const [world, runners] = await Promise.all([readWorld(bus), readRunners(bus)]);
        const state = requireRollouts(world, model);
        const [live, seating] = await Promise.all([liveGatesOf(bus, state), readSeating(bus)]);
        const around = { live, seating, runners };
        const now = new Date();
        const unread = describeUnreadOf(world, aggregates.rollouts(model), 'this command');
        const text = [...unread.map((line) => style('red', oneLine(line))), rolloutExplanation(state, around, now)];
        answer({ ...explanationJson(state, around, now), unread }, text.join('\n\n'));
      });
    });
  program
    .command('history')
    .argument('<model>')
    .description('everything on record about the rollouts of a model, oldest first')
    .action(async (model: string) => {
      await withSession(async ({ bus, answer }) => {
        const world = await readWorld(bus);
        if (world.forgotten[model] === undefined) requireRollouts(world, model);
        const commits = await openJournal(bus, { by: 'conclave-cli' }).read(aggregates.rollouts(model));
        answer({ model, events: historyJson(commits) }, historyText(commits));
      });
    });
}

/** The state, whether its rollout is open, how its gates stand now, and what is missing for the next step. */
function explanationJson(state: RolloutsState, { live, seating, runners }: Surroundings, now: Date): object {
  const open = openRollout(state);
  const missing = open === undefined ? [] : withSeating(missingForNextStep(state, open, now), open, seating);
  const next = open === undefined ? null : (nextStage(open) ?? null);
  return {
    ...state,
    isOpen: open !== undefined,
    nextStage: next,
    missing,
    live: live ?? null,
    serving: servingOf(state, runners),
  };
}

function historyJson(commits: readonly Commit[]): object[] {
  return commits.flatMap((commit) =>
    describeCommit(commit).map(({ at, kind, level, text }) => ({ seq: commit.seq, at, kind, level, text })),
  );
}

function historyText(commits: readonly Commit[]): string {
  const rows = commits.flatMap((commit) =>
    describeCommit(commit).map((line) => [
      dim(`#${commit.seq}`),
      dim(line.at.slice(0, 19).replace('T', ' ')),
      byLevel(line.level, `${line.icon ?? ' '} ${line.text}`),
    ]),
  );
  return columns(rows);
}

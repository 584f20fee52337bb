import { openJournal } from '@conclave/bus';
import { aggregates, type Commit, describeCommit, requireRollouts } from '@conclave/contracts';
import type { Command } from 'commander';
import { liveGatesOf } from '../live-gates.ts';
import { rolloutExplanation } from '../output/rollout.ts';
import { byLevel, columns, dim } from '../output/text.ts';
import { readSeating, readWorld } from '../read-world.ts';
import type { WithSession } from '../session.ts';

export function addExplain(program: Command, withSession: WithSession): void {
  program
    .command('explain')
    .argument('<model>')
    .description('why a model is where it is: gates, votes, and what is missing for the next stage')
    .action(async (model: string) => {
      await withSession(async ({ bus, print }) => {
        const state = requireRollouts(await readWorld(bus), model);
        const [live, seating] = await Promise.all([liveGatesOf(bus, state), readSeating(bus)]);
        print(rolloutExplanation(state, { live, seating }, new Date()));
      });
    });
  program
    .command('history')
    .argument('<model>')
    .description('everything on record about the rollouts of a model, oldest first')
    .action(async (model: string) => {
      await withSession(async ({ bus, print }) => {
        requireRollouts(await readWorld(bus), model);
        print(historyText(await openJournal(bus, { by: 'conclave-cli' }).read(aggregates.rollouts(model))));
      });
    });
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

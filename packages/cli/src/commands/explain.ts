import { type Bus, openJournal } from '@conclave/bus';
import {
  aggregates,
  type Commit,
  ConclaveError,
  describeCommit,
  entryOf,
  type RolloutsState,
  type World,
} from '@conclave/contracts';
import type { Command } from 'commander';
import { z } from 'zod';
import { callApi, hasLeader } from '../api.ts';
import { rolloutExplanation, type SplitShown } from '../output/rollout.ts';
import { byLevel, columns, dim } from '../output/text.ts';
import { readRunners, readWorld } from '../read-world.ts';
import type { WithSession } from '../session.ts';

export function addExplain(program: Command, withSession: WithSession): void {
  program
    .command('explain')
    .argument('<model>')
    .description('why a model is where it is: gates, votes, and what is missing for the next stage')
    .action(async (model: string) => {
      await withSession(async ({ bus, print }) => {
        const [world, runners] = await Promise.all([readWorld(bus), readRunners(bus)]);
        const state = requireRollouts(world, model);
        print(rolloutExplanation(state, Date.now(), runners, await splitOf(bus, model)));
      });
    });
  program
    .command('history')
    .argument('<model>')
    .description('everything on record about the rollouts of a model, oldest first')
    .action(async (model: string) => {
      await withSession(async ({ bus, print }) => {
        const commits = await openJournal(bus, { by: 'conclave-cli' }).read(aggregates.rollouts(model));
        if (commits.length === 0) requireRollouts(await readWorld(bus), model);
        print(historyText(commits));
      });
    });
}

const withSplit = z.object({
  split: z
    .object({
      asked: z.number(),
      measured: z.number().nullable(),
      candidateRequests: z.number(),
      stableRequests: z.number(),
      sentences: z.array(z.string()),
    })
    .nullish(),
});

/** Only the leader measures the split; without one, or without a rollout that asks for one, there is nothing to say. */
async function splitOf(bus: Bus, model: string): Promise<SplitShown | undefined> {
  if (!(await hasLeader(bus))) return undefined;
  const answer = await callApi(bus, 'explain', { model }).catch(() => undefined);
  return withSplit.safeParse(answer).data?.split ?? undefined;
}

/** @throws CVE_ROLLOUT_UNKNOWN naming the models that exist */
function requireRollouts(world: World, model: string): RolloutsState {
  const state = entryOf(world.rollouts, model);
  if (state !== undefined) return state;
  const known = Object.keys(world.rollouts).sort().join(', ');
  throw new ConclaveError(
    'CVE_ROLLOUT_UNKNOWN',
    `nothing is on record about "${model}"; ${known === '' ? 'no model was adopted yet: conclave adopt <model> <version> --dataset <name>' : `known: ${known}`}`,
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

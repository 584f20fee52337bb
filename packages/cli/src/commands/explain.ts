import { openJournal } from '@conclave/bus';
import {
  aggregates,
  type Commit,
  ConclaveError,
  describeCommit,
  entryOf,
  missingForNextStep,
  nextStage,
  openRollout,
  type RolloutsState,
  type World,
} from '@conclave/contracts';
import type { Command } from 'commander';
import { rolloutExplanation } from '../output/rollout.ts';
import { byLevel, columns, dim } from '../output/text.ts';
import { readWorld } from '../read-world.ts';
import type { WithSession } from '../session.ts';

export function addExplain(program: Command, withSession: WithSession): void {
  program
    .command('explain')
    .argument('<model>')
    .description('why a model is where it is: gates, votes, and what is missing for the next stage')
    .action(async (model: string) => {
      await withSession(async ({ bus, answer }) => {
        const state = requireRollouts(await readWorld(bus), model);
        const now = Date.now();
        answer(explanationJson(state, now), rolloutExplanation(state, now));
      });
    });
  program
    .command('history')
    .argument('<model>')
    .description('everything on record about the rollouts of a model, oldest first')
    .action(async (model: string) => {
      await withSession(async ({ bus, answer }) => {
        const commits = await openJournal(bus, { by: 'conclave-cli' }).read(aggregates.rollouts(model));
        if (commits.length === 0) requireRollouts(await readWorld(bus), model);
        answer({ model, events: historyJson(commits) }, historyText(commits));
      });
    });
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

/** The state, whether its rollout is open, and what is missing for the next step. */
function explanationJson(state: RolloutsState, now: number): object {
  const open = openRollout(state);
  const missing = open === undefined ? [] : missingForNextStep(state, open, new Date(now));
  return { ...state, isOpen: open !== undefined, nextStage: (open && nextStage(open)) ?? null, missing };
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

import { changedAnswer } from '@conclave/contracts';
import type { Command } from 'commander';
import { z } from 'zod';
import { callApi } from '../api.ts';
import { style } from '../output/text.ts';
import type { WithSession } from '../session.ts';
import { takeBack } from '../take-back.ts';

const calledAnswer = z.object({ called: z.boolean() });

/** The verbs by which an operator changes what a rollout does. Each needs the operator's token. */
export function addOperate(program: Command, withSession: WithSession): void {
  program
    .command('adopt')
    .argument('<model>')
    .argument('<version>', 'a registered version')
    .requiredOption('--dataset <name>', 'name or digest of a registered dataset: the documents it searches')
    .description('record the version that serves before Conclave arrives')
    .action(async (model: string, version: string, { dataset }: { dataset: string }) => {
      await withSession(async ({ bus, token, answer }) => {
        const adopted = changedAnswer.parse(await callApi(bus, 'adopt', { model, version, dataset }, token));
        answer(
          { model, version, dataset, changed: adopted.changed },
          done(adopted.changed, `${model} ${version} is the stable version`, `${model} ${version} was adopted before`),
        );
      });
    });

  program
    .command('abort')
    .argument('<model>')
    .requiredOption('--reason <text>', 'goes on record')
    .description('end the open rollout: stable serves alone, now')
    .action(async (model: string, { reason }: { reason: string }) => {
      await withSession(async ({ bus, token, answer }) => {
        const { outcome, rolloutId, serving } = await takeBack(bus, 'abort', { model, reason }, token);
        const serves = serving === null ? 'nothing serves' : `${serving} serves alone`;
        answer(
          { model, outcome, rolloutId, serving },
          done(
            outcome === 'rolled_back',
            `${rolloutId ?? model} rolled back; ${serves}`,
            `nothing to roll back; ${serves} (to take a completed rollout back: conclave revert ${model})`,
          ),
        );
      });
    });

  program
    .command('revert')
    .argument('<model>')
    .requiredOption('--reason <text>', 'goes on record')
    .description('take production back to the version before, after its rollout has completed')
    .action(async (model: string, { reason }: { reason: string }) => {
      await withSession(async ({ bus, token, answer }) => {
        const { outcome, rolloutId, serving } = await takeBack(bus, 'revert', { model, reason }, token);
        const serves = `${serving ?? 'nothing'} serves`;
        answer(
          { model, outcome, rolloutId, serving },
          done(outcome === 'rolled_back', `${model} taken back; ${serves}`, `was taken back before; ${serves}`),
        );
      });
    });

  const answers = [
    ['approve', 'say yes to the verdicts as they stand', 'approved', 'approved before'],
    ['reject', 'say no to the verdicts as they stand', 'rejected', 'rejected before'],
  ] as const;
  for (const [verb, description, yes, no] of answers) {
    program
      .command(verb)
      .argument('<model>')
      .requiredOption('--reason <text>', 'goes on record')
      .option('--verdicts <set>', 'only if these verdicts still stand: the digits that explain shows')
      .description(description)
      .action(async (model: string, { reason, verdicts }: { reason: string; verdicts?: string }) => {
        await withSession(async ({ bus, token, answer }) => {
          const answered = changedAnswer.parse(await callApi(bus, verb, { model, reason, verdicts }, token));
          answer({ model, ...answered }, done(answered.changed, `${model} ${yes}`, `${model} ${no}`));
        });
      });
  }

  const simple = [
    ['pause', 'stop every advance; traffic stays as it is', 'paused', 'is paused already'],
    ['resume', 'end the pause', 'goes on', 'was not paused'],
  ] as const;
  for (const [verb, description, yes, no] of simple) {
    program
      .command(verb)
      .argument('<model>')
      .requiredOption('--reason <text>', 'goes on record')
      .description(description)
      .action(async (model: string, { reason }: { reason: string }) => {
        await withSession(async ({ bus, token, answer }) => {
          const answered = changedAnswer.parse(await callApi(bus, verb, { model, reason }, token));
          const next = answered.isOpen
            ? ''
            : verb === 'pause'
              ? '; no rollout is open, so it holds the next one'
              : '; no rollout is open';
          answer({ model, ...answered }, done(answered.changed, `${model} ${yes}${next}`, `${model} ${no}`));
        });
      });
  }

  program
    .command('override')
    .argument('<model>')
    .argument('<gate>')
    .requiredOption('--reason <text>', 'goes on record')
    .description('count one gate as passed in this stage, on the record for ever')
    .action(async (model: string, gate: string, { reason }: { reason: string }) => {
      await withSession(async ({ bus, token, answer }) => {
        const answered = changedAnswer.parse(await callApi(bus, 'override', { model, gate, reason }, token));
        const { changed } = answered;
        answer(
          { model, gate, ...answered },
          done(
            changed,
            `gate ${gate} of ${model} overridden in this stage`,
            `gate ${gate} of ${model} was overridden before`,
          ),
        );
      });
    });

  program
    .command('convene')
    .option('--reason <text>', 'goes on record', 'asked for by an operator')
    .description('call a planning meeting now')
    .action(async ({ reason }: { reason: string }) => {
      await withSession(async ({ bus, token, answer }) => {
        const { called } = calledAnswer.parse(await callApi(bus, 'convene', { reason }, token));
        answer({ called }, done(called, 'a meeting is called', 'a meeting is in session already'));
      });
    });
}

/** The line after a verb: what it did, or that there was nothing to do. */
export function done(did: boolean, yes: string, no: string): string {
  return did ? `${style('green', '✓')} ${yes}` : `${style('dim', '·')} ${no}`;
}

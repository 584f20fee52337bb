import { changedAnswer } from '@conclave/contracts';
import type { Command } from 'commander';
import { z } from 'zod';
import { callApi } from '../api.ts';
import { style } from '../output/text.ts';
import type { WithSession } from '../session.ts';

const calledAnswer = z.object({ called: z.boolean() });

/** The verbs by which an operator changes what a rollout does. Each needs the operator's token. */
export function addOperate(program: Command, withSession: WithSession): void {
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

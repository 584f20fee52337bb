import { ConclaveError, changedAnswer, type RollbackAnswer } from '@conclave/contracts';
import type { Command } from 'commander';
import { callApi } from '../api.ts';
import { style } from '../output/text.ts';
import type { Session, WithSession } from '../session.ts';
import { takeBack } from '../take-back.ts';
import { untilServed } from '../until-served.ts';
import { done } from './operate.ts';

const WAIT = ['--wait <seconds>', 'how long to wait until the runners serve it; 0 for not at all', '60'] as const;

interface Options {
  readonly reason: string;
  readonly wait: string;
}

/** The verbs by which an operator changes which version serves. Each says what the runners really do, and waits for them a while. */
export function addServe(program: Command, withSession: WithSession): void {
  program
    .command('adopt')
    .argument('<model>')
    .argument('<version>', 'a registered version')
    .requiredOption('--dataset <name>', 'name or digest of a registered dataset: the documents it searches')
    .option(...WAIT)
    .description('record the version that serves before Conclave arrives, and wait until the runners have it ready')
    .action(async (model: string, version: string, { dataset, wait }: { dataset: string; wait: string }) => {
      const waitMs = milliseconds(wait);
      await withSession(async (session) => {
        const { bus, token, answer } = session;
        const { changed } = changedAnswer.parse(await callApi(bus, 'adopt', { model, version, dataset }, token));
        answer(
          { model, version, dataset, changed },
          done(changed, `${model} ${version} is recorded as stable`, `${model} ${version} was adopted before`),
        );
        await tellServed(session, model, waitMs);
      });
    });

  program
    .command('abort')
    .argument('<model>')
    .requiredOption('--reason <text>', 'goes on record')
    .option(...WAIT)
    .description('end the open rollout: stable serves alone, now')
    .action(async (model: string, { reason, wait }: Options) => {
      const waitMs = milliseconds(wait);
      await withSession(async (session) => {
        const taken = await takeBack(session.bus, 'abort', { model, reason }, session.token);
        const { outcome, rolloutId, serving } = taken;
        const serves = serving === null ? 'nothing is to serve' : `${serving} is to serve alone`;
        session.answer(
          { model, ...taken },
          done(
            outcome === 'rolled_back',
            `accepted: ${rolloutId ?? model} rolled back; ${serves}`,
            `nothing to roll back; ${serves} (to take a completed rollout back: conclave revert ${model})`,
          ),
        );
        await tellTakenBack(session, model, taken, waitMs);
      });
    });

  program
    .command('revert')
    .argument('<model>')
    .requiredOption('--reason <text>', 'goes on record')
    .option(...WAIT)
    .description('take production back to the version before, after its rollout has completed')
    .action(async (model: string, { reason, wait }: Options) => {
      const waitMs = milliseconds(wait);
      await withSession(async (session) => {
        const taken = await takeBack(session.bus, 'revert', { model, reason }, session.token);
        const serves = `${taken.serving ?? 'nothing'} is to serve`;
        session.answer(
          { model, ...taken },
          done(
            taken.outcome === 'rolled_back',
            `accepted: ${model} taken back; ${serves}`,
            `was taken back before; ${serves}`,
          ),
        );
        await tellTakenBack(session, model, taken, waitMs);
      });
    });

  program
    .command('forget')
    .argument('<model>')
    .requiredOption('--reason <text>', 'goes on record')
    .description(
      'take a model that cannot be served off the runners and out of the status; its bundles and history stay',
    )
    .action(async (model: string, { reason }: { reason: string }) => {
      await withSession(async ({ bus, token, answer }) => {
        const { changed } = changedAnswer.parse(await callApi(bus, 'forget', { model, reason }, token));
        answer(
          { model, changed },
          done(
            changed,
            `${model} is forgotten; to use the name again: conclave adopt ${model} <version> --dataset <name>`,
            `${model} was forgotten before`,
          ),
        );
      });
    });
}

async function tellTakenBack(session: Session, model: string, taken: RollbackAnswer, waitMs: number): Promise<void> {
  if (taken.serving !== null) await tellServed(session, model, waitMs);
}

/**
 * Waits for the runners, and says what they do.
 * @throws CVE_MODEL_NOT_SERVED when one cannot load the version; CVE_INFER_NOT_READY when the time is over
 */
async function tellServed(session: Session, model: string, waitMs: number): Promise<void> {
  const { outcome, version, runners, lines } = await untilServed(session, model, waitMs);
  const answer = (text?: string) => session.answer({ served: outcome === 'serving', runners }, text);
  const all = lines.join('; ');
  const record = `${model} ${version} is recorded as stable`;
  switch (outcome) {
    case 'serving':
      answer(`${style('green', '✓')} ${all}`);
      return;
    case 'no_runner': {
      const text = `no serving runner reports itself, so nobody is served ${version}; one that starts loads it: conclave status`;
      answer(`${style('yellow', '!')} ${text}`);
      return;
    }
    case 'failed': {
      answer();
      const way = `if it never served, adopt a version that loads, it takes this one's place, or take the model off: conclave forget ${model}`;
      throw new ConclaveError('CVE_MODEL_NOT_SERVED', `${record}, but ${all}; ${way}`);
    }
    case 'waiting':
      answer(waitMs === 0 ? `${style('yellow', '!')} ${all}` : undefined);
      if (waitMs === 0) return;
      throw new ConclaveError('CVE_INFER_NOT_READY', `${record}, and not served yet: ${all}; see conclave status`);
  }
}

function milliseconds(wait: string): number {
  const seconds = Number(wait);
  if (wait.trim() !== '' && seconds >= 0 && seconds <= 3600) return seconds * 1000;
  throw new ConclaveError('CVE_REQUEST_INVALID', `--wait is "${wait}"; give seconds from 0 to 3600`);
}

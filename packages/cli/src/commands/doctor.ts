import { ConclaveError } from '@conclave/contracts';
import { counted } from '@conclave/core';
import type { Command } from 'commander';
import type { Answers } from '../answers.ts';
import type { CommonOptions } from '../common-options.ts';
import { countOf, doctorText } from '../output/doctor.ts';
import type { WithSession } from '../session.ts';

const USUAL_COLUMNS = 100;
const SHOWN_NAMES = 4;

/** Works without a running system. */
export function addDoctor(program: Command, _withSession: WithSession, answers: Answers): void {
  program
    .command('doctor')
    .option(
      '--config <file>',
      'configuration to check; default that of the running system, else by the keys that are set',
    )
    .description('what a system needs and whether it is there: machine, keys, models and who sits, with what to do')
    .addHelpText('after', '\nThe exit code is 0 when there is no problem, warnings or not; else 1.')
    .action(async ({ config }: { config?: string }, command: Command) => {
      // The vendors' SDKs take longer to load than any other verb to run.
      const { examine } = await import('../doctor/examine.ts');
      const { nats, state } = command.optsWithGlobals<CommonOptions>();
      const examination = await examine({ config, nats, state });
      const { checks } = examination;
      const [problems, warnings] = [countOf(checks, 'problem'), countOf(checks, 'warning')];
      const text = doctorText(examination, process.stdout.columns ?? USUAL_COLUMNS);
      answers.answer({ ...examination, problems, warnings }, text);
      if (problems === 0) return;
      const names = checks.filter((check) => check.state === 'problem').map(({ name }) => name);
      const first = names.slice(0, SHOWN_NAMES);
      const more = names.length > first.length ? ` and ${names.length - first.length} more` : '';
      throw new ConclaveError('CVE_DOCTOR_PROBLEMS', `${counted(problems, 'problem')}: ${first.join(', ')}${more}`);
    });
}

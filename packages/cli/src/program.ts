import { ConclaveError, isConclaveError, messageOf, oneLine } from '@conclave/contracts';
import { Command, CommanderError } from 'commander';
import { addApply } from './commands/apply.ts';
import { addExplain } from './commands/explain.ts';
import { addInfer } from './commands/infer.ts';
import { addInspect } from './commands/inspect.ts';
import { addLoad } from './commands/load.ts';
import { addOperate } from './commands/operate.ts';
import { addPush } from './commands/push.ts';
import { addStatus } from './commands/status.ts';
import { addSubmit } from './commands/submit.ts';
import type { Output } from './output.ts';
import { sessions } from './session.ts';

/** Runs one command line. @returns the exit code: 0, or 1 after one `CVE_...: ...` line on standard error. */
export async function run(args: readonly string[], output: Output): Promise<0 | 1> {
  const program = createProgram(output);
  try {
    await program.parseAsync([...args], { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    // Help that was shown for want of a verb is its own message.
    if (error instanceof CommanderError && error.code === 'commander.help') return 1;
    output.err(errorLine(error));
    return 1;
  }
}

function createProgram(output: Output): Command {
  const program = new Command('conclave');
  program
    .description('Roll machine-learning models out one earned stage at a time.')
    .option('--nats <url>', 'address of NATS; default CONCLAVE_NATS_URL, else the local stack')
    .option('--state <folder>', 'state folder of the local stack; default CONCLAVE_STATE, else the nearest .conclave')
    .helpCommand(false)
    .showSuggestionAfterError(true)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => output.out(text.trimEnd()),
      writeErr: (text) => output.err(text.trimEnd()),
      outputError: () => undefined,
    });
  const withSession = sessions(() => program.opts<{ nats?: string; state?: string }>(), output.out);
  addStatus(program, withSession);
  addExplain(program, withSession);
  addPush(program, withSession);
  addApply(program, withSession);
  addOperate(program, withSession);
  addSubmit(program, withSession);
  addInspect(program, withSession);
  addInfer(program, withSession);
  addLoad(program, withSession, output);
  return program;
}

function errorLine(error: unknown): string {
  const known = isConclaveError(error) ? error : new ConclaveError('CVE_REQUEST_INVALID', wordsOf(error));
  return oneLine(known.message);
}

function wordsOf(error: unknown): string {
  if (!(error instanceof CommanderError)) return messageOf(error);
  return `${error.message.replace(/^error: /, '')}; see conclave --help`;
}

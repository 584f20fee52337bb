import { messageOf } from '@conclave/contracts';
import { oneLine } from '@conclave/core';
import { Command, CommanderError } from 'commander';
import { type Answers, asCoded, startAnswering } from './answers.ts';
import { addActions } from './commands/actions.ts';
import { addApply } from './commands/apply.ts';
import { addDoctor } from './commands/doctor.ts';
import { addExplain } from './commands/explain.ts';
import { addInfer } from './commands/infer.ts';
import { addInspect } from './commands/inspect.ts';
import { addLoad } from './commands/load.ts';
import { addMeetings } from './commands/meetings.ts';
import { addOperate } from './commands/operate.ts';
import { addPush } from './commands/push.ts';
import { addServe } from './commands/serve.ts';
import { addStatus } from './commands/status.ts';
import { addSubmit } from './commands/submit.ts';
import { addCommonOptions, type CommonOptions, exitCodesHelp } from './common-options.ts';
import { type ExitCode, exitCodeOf } from './exit-codes.ts';
import type { Output } from './output.ts';
import { sessions, type WithSession } from './session.ts';
import { readVersion } from './version.ts';

/** Registers one verb or more (CONTRIBUTING.md, "A new verb"). */
type AddVerbs = (program: Command, withSession: WithSession, answers: Answers) => void;

/** In the order of `conclave --help`. */
const VERBS: readonly AddVerbs[] = [
  addStatus,
  addExplain,
  addPush,
  addApply,
  addServe,
  addOperate,
  addSubmit,
  addMeetings,
  addActions,
  addInspect,
  addInfer,
  addLoad,
  addDoctor,
];

/** Runs one command line. @returns its exit code (exit-codes.ts), after one `CVE_...: ...` line on standard error unless it is 0. */
export async function run(args: readonly string[], output: Output): Promise<ExitCode> {
  const answering = startAnswering(output, wantsJson(args));
  const program = createProgram(output, answering);
  try {
    await program.parseAsync([...args], { from: 'user' });
    answering.end();
    return 0;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) {
      answering.end();
      return 0;
    }
    const coded = asCoded(error, wordsOf);
    // Help that was shown for want of a verb is its own message.
    const isHelp = error instanceof CommanderError && error.code === 'commander.help';
    if (!isHelp) output.err(oneLine(coded.message));
    answering.end(coded);
    return error instanceof CommanderError ? 2 : exitCodeOf(error);
  }
}

/** Every verb with its options. */
export function createProgram(output: Output, answers: Answers): Command {
  const program = new Command('conclave');
  program
    .description('Roll machine-learning models out one earned stage at a time.')
    .option('-V, --version', 'the version of this checkout, with its commit')
    .on('option:version', () => {
      const version = readVersion();
      const commit = version.commit === null ? '' : ` (${version.commit})`;
      answers.answer(version, `conclave ${version.version}${commit}`);
      throw new CommanderError(0, 'commander.version', '');
    })
    .helpCommand(false)
    .showSuggestionAfterError(true)
    // An option of a verb may have the name of one of the program's: `model push --version`.
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => output.out(text.trimEnd()),
      writeErr: (text) => output.err(text.trimEnd()),
      outputError: () => undefined,
    });
  let settings: CommonOptions = {};
  program.hook('preAction', (_, command) => {
    const { nats, state } = command.optsWithGlobals<CommonOptions>();
    settings = { nats, state };
  });
  const withSession = sessions(() => settings, answers);
  for (const addVerbs of VERBS) addVerbs(program, withSession, answers);
  addCommonOptions(program);
  program.addHelpText('after', exitCodesHelp());
  return program;
}

/** Known before the command line is parsed: its errors are to be JSON too. */
function wantsJson(args: readonly string[]): boolean {
  const end = args.indexOf('--');
  return (end < 0 ? args : args.slice(0, end)).includes('--json');
}

function wordsOf(error: unknown): string {
  if (!(error instanceof CommanderError)) return messageOf(error);
  return `${error.message.replace(/^error: /, '')}; see conclave --help`;
}

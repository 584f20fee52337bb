import type { Command } from 'commander';
import { EXIT_CODES } from './exit-codes.ts';

const COMMON = [
  ['--json', 'one JSON document on standard output; progress goes to standard error'],
  ['--nats <url>', 'address of NATS; default CONCLAVE_NATS_URL, else the local stack'],
  ['--state <folder>', 'state folder of the local stack; default CONCLAVE_STATE, else the nearest .conclave'],
] as const;

/** Those of them that say what to connect to. */
export interface CommonOptions {
  readonly nats?: string | undefined;
  readonly state?: string | undefined;
}

/** Gives every verb the options that all have, and marks those that a verb cannot do without. */
export function addCommonOptions(command: Command): void {
  for (const option of command.options) {
    if (option.mandatory && !option.description.endsWith('(required)'))
      option.description = `${option.description} (required)`.trim();
  }
  for (const [flags, description] of COMMON) {
    const option = command.createOption(flags, description);
    if (command.options.some((other) => other.long === option.long)) continue;
    option.helpGroup('Options of every verb:');
    command.addOption(option);
  }
  for (const verb of command.commands) addCommonOptions(verb);
}

/** The table of exit codes, as it stands below `conclave --help`. */
export function exitCodesHelp(): string {
  const lines = EXIT_CODES.map(([code, , meaning]) => `  ${code}  ${meaning}`);
  return `\nExit codes:\n${lines.join('\n')}`;
}

/** @param long the flag with its dashes */
export function isCommonOption(long: string): boolean {
  return COMMON.some(([flags]) => flags.split(' ')[0] === long);
}

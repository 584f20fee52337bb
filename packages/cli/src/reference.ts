import type { Command } from 'commander';
import { startAnswering } from './answers.ts';
import { isCommonOption } from './common-options.ts';
import { createProgram } from './program.ts';

/** One verb, as `conclave <verb> --help` tells it. */
export interface VerbReference {
  /** `meeting show` */
  readonly verb: string;
  /** `meetings show`, where the verb may also be written so. */
  readonly alias: string | undefined;
  readonly usage: string;
  readonly description: string;
  readonly takes: readonly TakenReference[];
}

/** An argument or an option. */
export interface TakenReference {
  readonly name: string;
  readonly isRequired: boolean;
  readonly default: unknown;
  readonly description: string;
}

/** Every verb, and the options that all of them have. */
export function cliReference(): { verbs: VerbReference[]; common: TakenReference[] } {
  const silent = { out: () => undefined, err: () => undefined };
  const program = createProgram(silent, startAnswering(silent, false));
  return { verbs: verbsOf(program, '', ''), common: optionsOf(program, () => true) };
}

function verbsOf(command: Command, path: string, aliasPath: string): VerbReference[] {
  return command.commands.flatMap((child) => {
    const verb = `${path} ${child.name()}`.trim();
    const alias = `${aliasPath} ${child.alias() ?? child.name()}`.trim();
    if (child.commands.length > 0) return verbsOf(child, verb, alias);
    const takes = [
      ...child.registeredArguments.map((argument) => ({
        name: argument.required ? `<${argument.name()}>` : `[${argument.name()}]`,
        isRequired: argument.required,
        default: argument.defaultValue,
        description: argument.description,
      })),
      ...optionsOf(child, (long) => !isCommonOption(long)),
    ];
    const usage = `conclave ${verb} ${child.usage()}`;
    return [{ verb, alias: alias === verb ? undefined : alias, usage, description: child.description(), takes }];
  });
}

function optionsOf(command: Command, isWanted: (long: string) => boolean): TakenReference[] {
  return command.options
    .filter(({ long }) => isWanted(long ?? ''))
    .map((option) => ({
      name: option.flags,
      isRequired: option.mandatory,
      default: option.defaultValue,
      description: option.description.replace(/ ?\(required\)$/, ''),
    }));
}

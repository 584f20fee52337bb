import { listDeadLetters } from '@conclave/bus';
import { ConclaveError, oneLine } from '@conclave/contracts';
import type { Command } from 'commander';
import { bold, dim, style } from '../output/text.ts';
import type { WithSession } from '../session.ts';

export function addInspect(program: Command, withSession: WithSession): void {
  const dlq = program.command('dlq').description('dead letters: what was refused, with the reason');
  dlq
    .command('list')
    .option('--limit <count>', 'how many at most', '20')
    .option('--json', 'as JSON, with the original content')
    .description('the newest dead letters')
    .action(async (options: { limit: string; json?: boolean }) => {
      const limit = positive('--limit', options.limit);
      await withSession(async ({ bus, print }) => {
        const letters = await listDeadLetters(bus, { limit });
        if (options.json === true) {
          const content = letters.map(({ bytes, ...letter }) => ({
            ...letter,
            content: new TextDecoder().decode(bytes),
          }));
          return print(JSON.stringify(content, null, 2));
        }
        if (letters.length === 0) return print('no dead letters');
        for (const letter of letters) {
          print(
            `${dim(`#${letter.seq}`)}  ${letter.at.slice(0, 19).replace('T', ' ')}  ${bold(oneLine(letter.originalSubject))}  ${dim(`${letter.bytes.length} bytes, refused by ${oneLine(letter.by)}`)}`,
          );
          print(`    ${style('red', oneLine(letter.reason))}`);
        }
      });
    });
}

function positive(option: string, value: string): number {
  const number = Number(value);
  if (Number.isInteger(number) && number >= 1 && number <= 1000) return number;
  throw new ConclaveError('CVE_REQUEST_INVALID', `${option} is "${value}"; give a whole number from 1 to 1000`);
}

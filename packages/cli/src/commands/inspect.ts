import { listDeadLetters } from '@conclave/bus';
import { oneLine } from '@conclave/core';
import type { Command } from 'commander';
import { bold, dim, style } from '../output/text.ts';
import { wholeNumber } from '../record/paging.ts';
import type { WithSession } from '../session.ts';

export function addInspect(program: Command, withSession: WithSession): void {
  const dlq = program.command('dlq').description('dead letters: what was refused, with the reason');
  dlq
    .command('list')
    .option('--limit <count>', 'how many at most', '20')
    .description('the newest dead letters')
    .action(async (options: { limit: string }) => {
      const limit = wholeNumber('--limit', options.limit, 1000);
      await withSession(async ({ bus, answer }) => {
        const letters = await listDeadLetters(bus, { limit });
        const deadLetters = letters.map(({ bytes, ...letter }) => ({
          ...letter,
          content: new TextDecoder().decode(bytes),
        }));
        const lines = letters.flatMap((letter) => [
          `${dim(`#${letter.seq}`)}  ${letter.at.slice(0, 19).replace('T', ' ')}  ${bold(oneLine(letter.originalSubject))}  ${dim(`${letter.bytes.length} bytes, refused by ${oneLine(letter.by)}`)}`,
          `    ${style('red', oneLine(letter.reason))}`,
        ]);
        answer({ deadLetters }, lines.length === 0 ? 'no dead letters' : lines.join('\n'));
      });
    });
}

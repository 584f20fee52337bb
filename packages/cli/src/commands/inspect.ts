import { setTimeout as pause } from 'node:timers/promises';
import { listDeadLetters } from '@conclave/bus';
import { ConclaveError, inferResponse, oneLine, requireRollouts, subjects, zodMessage } from '@conclave/contracts';
import type { Command } from 'commander';
import { bold, columns, dim, style } from '../output/text.ts';
import { readWorld } from '../read-world.ts';
import type { WithSession } from '../session.ts';

const INFER_MS = 10_000;
/** An answer that takes longer may be none. */
const LOOK_MS = 300;

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

  program
    .command('infer')
    .argument('<model>')
    .argument('<text...>', 'the query')
    .option('--client <key>', 'requests with one key stay on one version')
    .option('--k <count>', 'how many documents', '5')
    .description('ask a served model')
    .action(async (model: string, text: string[], options: { client?: string; k: string }) => {
      const k = positive('--k', options.k);
      await withSession(async ({ bus, print }) => {
        const body = {
          inputs: [{ name: 'query', datatype: 'BYTES', shape: [1], data: [text.join(' ')] }],
          parameters: { k, ...(options.client === undefined ? {} : { client_key: options.client }) },
        };
        const started = performance.now();
        const asked = bus.request(subjects.infer(model), body, { timeoutMs: INFER_MS });
        const isEnded = asked.then(
          () => true,
          () => true,
        );
        // Nobody answers for a model that does not exist; whether it does is looked up only then.
        if (!(await Promise.race([isEnded, pause(LOOK_MS, false, { ref: false })])))
          requireRollouts(await readWorld(bus), model);
        const reply = await asked;
        const elapsedMs = performance.now() - started;
        const parsed = inferResponse.safeParse(reply.json());
        if (!parsed.success)
          throw new ConclaveError(
            'CVE_INFER_FAILED',
            `${model} answered what is no inference response: ${zodMessage(parsed.error)}; see the log of the gpu-runner`,
          );
        const { model_version: version, outputs } = parsed.data;
        const [ids, scores] = outputs;
        print(`${bold(`${model} ${version}`)} ${dim(`answered in ${elapsedMs.toFixed(1)} ms`)}`);
        print(
          columns(
            ids.data.map((id, index) => [
              String(index + 1).padStart(2),
              oneLine(id),
              dim((scores.data[index] ?? 0).toFixed(4)),
            ]),
            '  ',
          ),
        );
      });
    });
}

function positive(option: string, value: string): number {
  const number = Number(value);
  if (Number.isInteger(number) && number >= 1 && number <= 1000) return number;
  throw new ConclaveError('CVE_REQUEST_INVALID', `${option} is "${value}"; give a whole number from 1 to 1000`);
}

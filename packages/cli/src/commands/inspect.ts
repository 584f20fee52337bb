import { listDeadLetters } from '@conclave/bus';
import { ConclaveError, inferResponse, oneLine, subjects, zodMessage } from '@conclave/contracts';
import type { Command } from 'commander';
import { bold, columns, dim, style } from '../output/text.ts';
import type { WithSession } from '../session.ts';

const INFER_MS = 10_000;

export function addInspect(program: Command, withSession: WithSession): void {
  const dlq = program.command('dlq').description('dead letters: what was refused, with the reason');
  dlq
    .command('list')
    .option('--limit <count>', 'how many at most', '20')
    .description('the newest dead letters')
    .action(async (options: { limit: string }) => {
      const limit = positive('--limit', options.limit);
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

  program
    .command('infer')
    .argument('<model>')
    .argument('<text...>', 'the query')
    .option('--client <key>', 'requests with one key stay on one version')
    .option('--k <count>', 'how many documents', '5')
    .description('ask a served model')
    .action(async (model: string, text: string[], options: { client?: string; k: string }) => {
      const k = positive('--k', options.k);
      await withSession(async ({ bus, answer }) => {
        const body = {
          inputs: [{ name: 'query', datatype: 'BYTES', shape: [1], data: [text.join(' ')] }],
          parameters: { k, ...(options.client === undefined ? {} : { client_key: options.client }) },
        };
        const started = performance.now();
        const reply = await bus.request(subjects.infer(model), body, { timeoutMs: INFER_MS });
        const elapsedMs = performance.now() - started;
        const parsed = inferResponse.safeParse(reply.json());
        if (!parsed.success)
          throw new ConclaveError(
            'CVE_INFER_FAILED',
            `${model} answered what is no inference response: ${zodMessage(parsed.error)}; see the log of the gpu-runner`,
          );
        const { model_version: version, outputs } = parsed.data;
        const [ids, scores] = outputs;
        const documents = ids.data.map((id, index) => ({ id, score: scores.data[index] ?? 0 }));
        const head = `${bold(`${model} ${version}`)} ${dim(`answered in ${elapsedMs.toFixed(1)} ms`)}`;
        const rows = documents.map(({ id, score }, index) => [
          String(index + 1).padStart(2),
          oneLine(id),
          dim(score.toFixed(4)),
        ]);
        answer({ model, version, elapsedMs, documents }, `${head}\n${columns(rows, '  ')}`);
      });
    });
}

function positive(option: string, value: string): number {
  const number = Number(value);
  if (Number.isInteger(number) && number >= 1 && number <= 1000) return number;
  throw new ConclaveError('CVE_REQUEST_INVALID', `${option} is "${value}"; give a whole number from 1 to 1000`);
}

import { ConclaveError } from '@conclave/contracts';
import type { Command } from 'commander';
import type { Answers } from '../answers.ts';
import { requireSound, summaryText } from '../load/load-summary.ts';
import { runLoad } from '../load/run-load.ts';
import { style } from '../output/text.ts';
import type { WithSession } from '../session.ts';

const MAX_RATE = 10_000;
const MAX_KEYS = 1_000_000;
/** Between two lines, in milliseconds: on a terminal they replace each other. */
const EVERY_MS = { terminal: 1000, elsewhere: 5000 } as const;

interface Options {
  readonly rate: string;
  readonly duration?: string;
  readonly keys: string;
}

/** Traffic before there are users. */
export function addLoad(program: Command, withSession: WithSession, answers: Answers): void {
  program
    .command('load')
    .argument('<model>')
    .requiredOption('--rate <number>', 'requests a second; sent whether or not earlier ones are answered')
    .option('--duration <time>', 'such as 90, 90s, 5m or 1h; without it until Ctrl-C')
    .option('--keys <count>', 'client keys, each of which stays on one version', '1000')
    .description("send a served model its own dataset's queries, with a live line")
    .addHelpText(
      'after',
      '\nThe exit code is 0 when every request was answered and the rate was held, also after Ctrl-C; else 1, and the last line says why.',
    )
    .action(async (model: string, options: Options) => {
      const requestsPerSecond = rateOf(options.rate);
      const durationMs = options.duration === undefined ? undefined : durationOf(options.duration);
      const clients = keysOf(options.keys);
      const live = liveLines(answers);
      await withSession(async ({ bus, answer, httpToken, cacheDir }) => {
        const stopping = new AbortController();
        const stop = (): void => stopping.abort();
        const signals = ['SIGINT', 'SIGTERM'] as const;
        for (const signal of signals) process.once(signal, stop);
        try {
          const summary = await runLoad(bus, {
            model,
            requestsPerSecond,
            durationMs,
            clients,
            httpToken,
            cacheDir,
            everyMs: live.everyMs,
            onLine: live.show,
            onNote: live.note,
            signal: stopping.signal,
          });
          live.end();
          answer(summary, summaryText(summary));
          requireSound(summary);
        } finally {
          live.end();
          for (const signal of signals) process.off(signal, stop);
        }
      });
    });
}

/** The live line on standard error, so that standard output has the summary alone. */
function liveLines({ note }: Pick<Answers, 'note'>) {
  const isTerminal = process.stderr.isTTY === true;
  let isOpen = false;
  const end = (): void => {
    if (isOpen) process.stderr.write('\n');
    isOpen = false;
  };
  return {
    everyMs: isTerminal ? EVERY_MS.terminal : EVERY_MS.elsewhere,
    end,
    note(text: string): void {
      end();
      note(style('dim', text));
    },
    show(text: string): void {
      if (!isTerminal) {
        note(text);
        return;
      }
      const width = process.stderr.columns ?? 200;
      process.stderr.write(`\r\u001b[K${text.slice(0, width - 1)}`);
      isOpen = true;
    },
  };
}

function rateOf(value: string): number {
  const rate = Number(value);
  if (rate > 0 && rate <= MAX_RATE) return rate;
  throw invalid('--rate', value, `give requests a second, more than 0 and at most ${MAX_RATE}`);
}

function durationOf(value: string): number {
  const [, digits = '', unit = 's'] = /^(\d+(?:\.\d+)?)(s|m|h)?$/.exec(value) ?? [];
  const seconds = Number(digits) * { s: 1, m: 60, h: 3600 }[unit === 'm' || unit === 'h' ? unit : 's'];
  if (digits !== '' && seconds > 0 && seconds <= 31 * 86_400) return seconds * 1000;
  throw invalid('--duration', value, 'give seconds, or a number with s, m or h, such as 90, 5m or 1h');
}

function keysOf(value: string): number {
  const keys = Number(value);
  if (Number.isInteger(keys) && keys >= 1 && keys <= MAX_KEYS) return keys;
  throw invalid('--keys', value, `give a whole number from 1 to ${MAX_KEYS}`);
}

function invalid(option: string, value: string, wayOut: string): ConclaveError {
  return new ConclaveError('CVE_REQUEST_INVALID', `${option} is "${value}"; ${wayOut}`);
}

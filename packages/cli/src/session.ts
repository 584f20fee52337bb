import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bus } from '@conclave/bus';
import type { Answers } from './answers.ts';
import type { CommonOptions } from './common-options.ts';
import { connect, readSettings, type Settings } from './connect.ts';

/** What a verb works with. */
export interface Session extends Answers {
  readonly bus: Bus;
  readonly token: string | undefined;
  /** The bearer token of the services' HTTP routes, where they ask for one. */
  readonly httpToken: string | undefined;
  /** For what may be fetched again. */
  readonly cacheDir: string;
  /** What it is connected to. */
  readonly settings: Settings;
}

export type WithSession = <T>(work: (session: Session) => Promise<T>) => Promise<T>;

/** Runs a verb on a connection that is closed afterwards. */
export function sessions(options: () => CommonOptions, answers: Answers): WithSession {
  return async (work) => {
    const settings = readSettings(options());
    const bus = await connect(settings);
    try {
      return await work({
        bus,
        token: settings.token,
        httpToken: process.env.CONCLAVE_HTTP_TOKEN,
        cacheDir: cacheDirOf(settings),
        settings,
        ...answers,
      });
    } finally {
      await bus.drain();
    }
  };
}

/** Without a state folder a folder of this user's alone: others must not be able to put queries there. */
function cacheDirOf({ stack }: Settings): string {
  const root = stack?.stateDir ?? join(tmpdir(), `conclave-${process.getuid?.() ?? 'user'}-${process.pid}`);
  return join(root, 'cache', 'queries');
}

import type { Bus } from '@conclave/bus';
import { connect, readSettings } from './connect.ts';

/** What a verb works with. */
export interface Session {
  readonly bus: Bus;
  readonly token: string | undefined;
  /** One line or more to standard output. */
  print(text: string): void;
}

export type WithSession = <T>(work: (session: Session) => Promise<T>) => Promise<T>;

/** Runs a verb on a connection that is closed afterwards. */
export function sessions(options: () => { nats?: string }, print: (text: string) => void): WithSession {
  return async (work) => {
    const settings = readSettings(options());
    const bus = await connect(settings);
    try {
      return await work({ bus, token: settings.token, print });
    } finally {
      await bus.drain();
    }
  };
}

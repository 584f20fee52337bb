import type { Bus } from '@conclave/bus';
import type { Answers } from './answers.ts';
import { connect, readSettings } from './connect.ts';

/** What a verb works with. */
export interface Session extends Answers {
  readonly bus: Bus;
  readonly token: string | undefined;
}

export type WithSession = <T>(work: (session: Session) => Promise<T>) => Promise<T>;

/** Runs a verb on a connection that is closed afterwards. */
export function sessions(options: () => { nats?: string }, answers: Answers): WithSession {
  return async (work) => {
    const settings = readSettings(options());
    const bus = await connect(settings);
    try {
      return await work({
        bus,
        token: settings.token,
        answer: (json, text) => answers.answer(json, text),
        print: (text) => answers.print(text),
        event: (json, text) => answers.event(json, text),
      });
    } finally {
      await bus.drain();
    }
  };
}

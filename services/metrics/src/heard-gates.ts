import type { Bus, Subscription } from '@conclave/bus';
import { type LiveGates, liveGates, messageOf, subjects } from '@conclave/contracts';

/** What the leader said last about the gates of each model. */
export class HeardGates {
  readonly #last = new Map<string, LiveGates>();

  of(model: string): LiveGates | undefined {
    return this.#last.get(model);
  }

  /** A late message does not replace a newer one. */
  note(gates: LiveGates): void {
    const last = this.#last.get(gates.model);
    if (last === undefined || last.at <= gates.at) this.#last.set(gates.model, gates);
  }
}

/** Keeps `heard` up to date. What cannot be read goes to `onUnreadable`; what is shown then are the recorded verdicts. */
export function followGates(bus: Bus, heard: HeardGates, onUnreadable: (reason: string) => void): Subscription {
  return bus.subscribeCore(subjects.gatesAll, (message) => {
    try {
      heard.note(liveGates.parse(message.json()));
    } catch (error) {
      onUnreadable(messageOf(error));
    }
  });
}

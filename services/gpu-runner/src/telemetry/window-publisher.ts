import { randomUUID } from 'node:crypto';
import { messageOf, type TelemetryWindow } from '@conclave/contracts';
import { type Clock, pass, systemClock } from '@conclave/service';

/** Windows kept while they cannot be stored; the oldest are dropped beyond it. */
const MOST_WAITING = 1000;
const PAUSE_AFTER_FAILURE_MS = 1000;

interface Waiting {
  readonly window: TelemetryWindow;
  /** The same at each attempt, and nobody else's. */
  readonly msgId: string;
}

/**
 * Stores windows one after the other, in order: the next is sent only after the server has confirmed the one before it, because readers
 * count none that ends before another. It keeps them while NATS is away. A window that is lost is missing evidence, which never passes a
 * gate.
 */
export class WindowPublisher {
  readonly #publish: (window: TelemetryWindow, msgId: string) => Promise<void>;
  readonly #onFailure: (reason: string, dropped: number) => void;
  readonly #clock: Pick<Clock, 'after'>;
  #waiting: Waiting[] = [];
  #publishing: Promise<void> | undefined;
  #stopped = false;

  /**
   * @param publish stores a window, once for all attempts with one `msgId`
   * @param onFailure told of each failed attempt and how many windows were dropped for it
   */
  constructor(
    publish: (window: TelemetryWindow, msgId: string) => Promise<void>,
    onFailure: (reason: string, dropped: number) => void,
    clock: Pick<Clock, 'after'> = systemClock,
  ) {
    this.#clock = clock;
    this.#publish = publish;
    this.#onFailure = onFailure;
  }

  add(windows: readonly TelemetryWindow[]): void {
    this.#waiting.push(...windows.map((window) => ({ window, msgId: randomUUID() })));
    this.#publishing ??= this.#publishAll().finally(() => {
      this.#publishing = undefined;
    });
  }

  /** Stores what waits, giving up at the first failure. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#publishing;
  }

  async #publishAll(): Promise<void> {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      try {
        await this.#publish(next.window, next.msgId);
        this.#waiting.shift();
      } catch (error) {
        const dropped = Math.max(0, this.#waiting.length - MOST_WAITING);
        this.#waiting = this.#waiting.slice(dropped);
        this.#onFailure(messageOf(error), dropped);
        if (this.#stopped) return;
        await pass(this.#clock, PAUSE_AFTER_FAILURE_MS);
      }
    }
  }
}

import { messageOf, type TelemetryWindow } from '@conclave/contracts';

/** Windows kept while they cannot be stored; the oldest are dropped beyond it. */
const MOST_WAITING = 1000;
const PAUSE_AFTER_FAILURE_MS = 1000;

/**
 * Stores windows one after the other, in order, and keeps them while NATS is away. A window that is lost is missing evidence,
 * which never passes a gate.
 */
export class WindowPublisher {
  readonly #publish: (window: TelemetryWindow) => Promise<void>;
  readonly #onFailure: (reason: string, dropped: number) => void;
  #waiting: TelemetryWindow[] = [];
  #publishing: Promise<void> | undefined;
  #stopped = false;

  /** @param onFailure told of each failed attempt and how many windows were dropped for it */
  constructor(
    publish: (window: TelemetryWindow) => Promise<void>,
    onFailure: (reason: string, dropped: number) => void,
  ) {
    this.#publish = publish;
    this.#onFailure = onFailure;
  }

  add(windows: readonly TelemetryWindow[]): void {
    this.#waiting.push(...windows);
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
    for (let window = this.#waiting[0]; window !== undefined; window = this.#waiting[0]) {
      try {
        await this.#publish(window);
        this.#waiting.shift();
      } catch (error) {
        const dropped = Math.max(0, this.#waiting.length - MOST_WAITING);
        this.#waiting = this.#waiting.slice(dropped);
        this.#onFailure(messageOf(error), dropped);
        if (this.#stopped) return;
        await new Promise((resolve) => setTimeout(resolve, PAUSE_AFTER_FAILURE_MS));
      }
    }
  }
}

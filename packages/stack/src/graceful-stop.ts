/** A request to stop this process: a first signal, or the end of the process that started it. */
export interface GracefulStop {
  /** Aborted at the request. */
  readonly signal: AbortSignal;
  /** Resolves at the request. */
  readonly requested: Promise<void>;
  /** Ends the listening, so that the process can end. */
  done(): void;
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** One Ctrl-C reaches this process several times: from the terminal, and forwarded by npm and by scripts/run.mjs. */
const sameRequestMs = 1_000;

/** Listens for requests to stop. A second one, made after the first has had a moment, exits at once; the guard then ends the rest. */
export function startGracefulStop(): GracefulStop {
  const controller = new AbortController();
  const { promise, resolve } = Promise.withResolvers<void>();
  let requestedMs: number | undefined;
  const request = () => {
    if (requestedMs === undefined) {
      requestedMs = performance.now();
      controller.abort();
      resolve();
    } else if (performance.now() - requestedMs > sameRequestMs) {
      process.exit(130);
    }
  };
  for (const signal of signals) process.on(signal, request);
  process.once('disconnect', request);
  process.channel?.unref();
  return {
    signal: controller.signal,
    requested: promise,
    done: () => {
      for (const signal of signals) process.off(signal, request);
      process.off('disconnect', request);
      if (process.connected) process.disconnect();
    },
  };
}

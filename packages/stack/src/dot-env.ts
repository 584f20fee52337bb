import { messageOf } from '@conclave/contracts';
import { describeEnvFiles, envFilesOf, readEnvFiles } from '@conclave/service';

export interface DotEnv {
  /** The environment as it was given, with what the files add to it. */
  readonly env: NodeJS.ProcessEnv;
  /** A line for each file that was read: names, never values. */
  readonly lines: readonly string[];
  /**
   * The same with the files as they are now, for a service that starts again: a key put there later reaches it. While they cannot be read
   * it is what they last gave.
   */
  readonly again: () => NodeJS.ProcessEnv;
}

/** Reads the `.env` files of a configuration. @throws CVE_ENVIRONMENT_INVALID */
export function openDotEnv(
  configFile: string,
  checkout: string,
  given: Readonly<NodeJS.ProcessEnv>,
  onUnreadable: (reason: string) => void,
): DotEnv {
  const paths = envFilesOf(configFile, checkout);
  const before = { ...given };
  const first = readEnvFiles(paths, before);
  let last = first.env;
  return {
    env: first.env,
    lines: describeEnvFiles(first.files),
    again() {
      try {
        last = readEnvFiles(paths, before).env;
      } catch (error) {
        onUnreadable(messageOf(error));
      }
      return last;
    },
  };
}

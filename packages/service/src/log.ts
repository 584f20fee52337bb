import { type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino';
import { redactFields, redactText } from './redact.ts';

/**
 * A logger of JSON lines. Secrets are taken out of fields and messages before they are written.
 * @param options.destination default: stdout.
 */
export function createLog(options: {
  name: string;
  instance: string;
  level: string;
  destination?: DestinationStream;
}): Logger {
  return pino(
    {
      level: options.level,
      base: { service: options.name, instance: options.instance },
      timestamp: stdTimeFunctions.isoTime,
      formatters: {
        level: (label) => ({ level: label }),
        log: (fields) => {
          const clean = redactFields(fields);
          return typeof clean === 'object' && clean !== null ? { ...clean } : {};
        },
      },
      // The fields are cleaned above, errors included.
      serializers: { err: (value: unknown) => value },
      hooks: {
        logMethod(args, method) {
          method.apply(this, [...args].map((arg) => (typeof arg === 'string' ? redactText(arg) : arg)) as typeof args);
        },
      },
    },
    ...(options.destination === undefined ? [] : [options.destination]),
  );
}

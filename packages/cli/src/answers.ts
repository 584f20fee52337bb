import { ConclaveError, isConclaveError } from '@conclave/contracts';
import type { Output } from './output.ts';

/** How a verb says what came out: the same for every verb, with `--json` and without. */
export interface Answers {
  /** The answer: `json` with `--json`, else `text`. A second one adds its fields to the first. */
  answer(json: object, text?: string): void;
  /** What happens on the way: to standard output, with `--json` to standard error. */
  print(text: string): void;
  /** Progress, to standard error always. */
  note(text: string): void;
  /** One of many answers of a verb that goes on until it is interrupted: one line of JSON each with `--json`. */
  event(json: object, text: string): void;
}

/** The answers of one command line. */
export interface Answering extends Answers {
  /** Writes the document. A failure stands in it as `error`, beside what was answered before it. */
  end(error?: ConclaveError): void;
}

/** With `--json` exactly one JSON document goes to standard output, whatever happens; but a line for each event of a verb that has events. */
export function startAnswering(output: Output, isJson: boolean): Answering {
  let answered: object | undefined;
  let hasEvents = false;
  const write = (document: object): void =>
    output.out(hasEvents ? JSON.stringify(document) : JSON.stringify(document, null, 2));
  return {
    answer(json, text) {
      if (isJson) answered = { ...answered, ...json };
      else if (text !== undefined) output.out(text);
    },
    print: (text) => (isJson ? output.err(text) : output.out(text)),
    note: (text) => output.err(text),
    event(json, text) {
      hasEvents = true;
      if (isJson) write(json);
      else output.out(text);
    },
    end(error) {
      if (!isJson) return;
      if (error !== undefined) write({ ...answered, error: errorJson(error) });
      else if (answered !== undefined) write(answered);
    },
  };
}

/** `{code, message, retry}`: `message` is without the code, `retry` its kind. */
function errorJson(error: ConclaveError): object {
  const head = `${error.code}: `;
  const message = error.message.startsWith(head) ? error.message.slice(head.length) : error.message;
  const later = error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs };
  return { code: error.code, message, retry: error.retry, ...later };
}

/** Anything thrown as an error with a code. */
export function asCoded(error: unknown, words: (error: unknown) => string): ConclaveError {
  return isConclaveError(error) ? error : new ConclaveError('CVE_REQUEST_INVALID', words(error));
}

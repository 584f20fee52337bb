import { ConclaveError, isConclaveError } from '@conclave/contracts';

export interface Output {
  /** Lines for standard output. */
  out(text: string): void;
  /** Lines for standard error. */
  err(text: string): void;
}

/** How a verb says what came out: the same for every verb, with `--json` and without. */
export interface Answers {
  /** The answer: `json` with `--json`, else `text`. A second one adds its fields to the first. */
  answer(json: object, text?: string): void;
  /** What happens on the way: to standard output, with `--json` to standard error. */
  print(text: string): void;
  /** One of many answers of a verb that goes on until it is interrupted: one line of JSON each with `--json`. */
  event(json: object, text: string): void;
}

/** The answers of one command line. With `--json` exactly one JSON document goes to standard output, whatever happens. */
export class Answering implements Answers {
  readonly #output: Output;
  readonly #isJson: boolean;
  #answered: object | undefined;
  #hasEvents = false;

  constructor(output: Output, isJson: boolean) {
    this.#output = output;
    this.#isJson = isJson;
  }

  answer(json: object, text?: string): void {
    if (this.#isJson) this.#answered = { ...this.#answered, ...json };
    else if (text !== undefined) this.#output.out(text);
  }

  print(text: string): void {
    if (this.#isJson) this.#output.err(text);
    else this.#output.out(text);
  }

  event(json: object, text: string): void {
    this.#hasEvents = true;
    this.#output.out(this.#isJson ? JSON.stringify(json) : text);
  }

  /** Writes the document. A failure stands in it as `error`, beside what was answered before it. */
  end(error?: ConclaveError): void {
    if (!this.#isJson) return;
    if (error !== undefined) {
      const document = { ...this.#answered, error: errorJson(error) };
      this.#output.out(this.#hasEvents ? JSON.stringify(document) : JSON.stringify(document, null, 2));
    } else if (this.#answered !== undefined) this.#output.out(JSON.stringify(this.#answered, null, 2));
  }
}

/** `{code, message, retry}`: `message` is without the code, `retry` its kind. */
function errorJson(error: ConclaveError): object {
  const message = error.message.startsWith(`${error.code}: `)
    ? error.message.slice(error.code.length + 2)
    : error.message;
  const later = error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs };
  return { code: error.code, message, retry: error.retry, ...later };
}

/** Anything thrown as an error with a code. */
export function asCoded(error: unknown, words: (error: unknown) => string): ConclaveError {
  return isConclaveError(error) ? error : new ConclaveError('CVE_REQUEST_INVALID', words(error));
}

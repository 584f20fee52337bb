/** Where a command writes. */
export interface Output {
  /** Lines for standard output. */
  out(text: string): void;
  /** Lines for standard error. */
  err(text: string): void;
}

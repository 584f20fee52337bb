/** What deciding needs from outside: time and ids are passed in, so that every decision can be replayed. */
export interface Facts {
  readonly now: Date;
  newId(): string;
}

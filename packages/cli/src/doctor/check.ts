/** `problem`: something that is needed will not work. `warning`: it works now, or something optional does not. */
export type CheckState = 'ok' | 'warning' | 'problem';

/** One row of the table. */
export interface Check {
  /** Heading that it stands under. */
  readonly group: 'Machine' | 'Keys' | 'Planning team' | 'Executive team' | 'Local models' | 'System';
  readonly name: string;
  readonly state: CheckState;
  readonly detail: string;
  /** What to do; empty where nothing is. */
  readonly todo: string;
}

export const ok = (group: Check['group'], name: string, detail: string, todo = ''): Check => ({
  ...{ group, name, state: 'ok', detail, todo },
});
export const warning = (group: Check['group'], name: string, detail: string, todo: string): Check => ({
  ...{ group, name, state: 'warning', detail, todo },
});
export const problem = (group: Check['group'], name: string, detail: string, todo: string): Check => ({
  ...{ group, name, state: 'problem', detail, todo },
});

import { type ActionRun, oneLine, speakerLabel } from '@conclave/core';
import type { Command } from 'commander';
import { bold, byLevel, columns, dim, when } from '../output/text.ts';
import { type ActionOnRecord, readAction, readActions } from '../record/actions.ts';
import { addPageOptions, type PageOptions, pageOf, readPage } from '../record/paging.ts';
import type { WithSession } from '../session.ts';

/** Actions of any age, from the journal. */
export function addActions(program: Command, withSession: WithSession): void {
  const action = program.command('action').alias('actions').description('actions on record, of any age');
  addPageOptions(action.command('list'))
    .option('--plan <id>', 'of this plan or meeting only')
    .option('--open', 'only those that have not ended')
    .description('the newest actions: what, who, how they ended')
    .action(async (options: PageOptions & { plan?: string; open?: boolean }) => {
      const page = readPage(options);
      await withSession(async ({ bus, answer }) => {
        const wanted = (await readActions(bus)).filter(
          ({ planned, endedAt }) =>
            (options.plan === undefined || planned.planId === options.plan) &&
            (options.open !== true || endedAt === undefined),
        );
        const { shown, older } = pageOf(wanted, ({ acceptedAt }) => acceptedAt, page);
        answer({ actions: shown.map(actionJson), older }, listText(shown, older));
      });
    });
  action
    .command('show')
    .argument('<id>', 'as actions list shows it: <plan>:<number>')
    .description('one action: as planned, each tool call with arguments and result, and how its criteria were judged')
    .action(async (actionId: string) => {
      await withSession(async ({ bus, answer }) => {
        const { action: found, run } = await readAction(bus, actionId);
        answer({ ...actionJson(found), run: runJson(run) }, actionText(found, run));
      });
    });
}

function actionJson({ planned, ...rest }: ActionOnRecord): object {
  const { dispatchedAt = null, endedAt = null } = rest;
  return { ...planned, ...rest, dispatchedAt, endedAt };
}

function runJson(run: ActionRun): object | null {
  return run.startedAt === undefined ? null : run;
}

function listText(actions: readonly ActionOnRecord[], older: number): string {
  if (actions.length === 0) return 'no such action on record';
  const rows = actions.map(({ planned, acceptedAt, state }) => [
    planned.actionId,
    dim(when(acceptedAt)),
    stateText(state),
    planned.priority.toUpperCase(),
    planned.owner,
    oneLine(planned.action),
  ]);
  const last = actions.at(-1)?.acceptedAt ?? '';
  return [columns(rows), ...(older === 0 ? [] : [dim(`${older} older: --before ${last}`)])].join('\n');
}

function actionText(action: ActionOnRecord, run: ActionRun): string {
  const { planned, origin, acceptedAt, dispatchedAt, endedAt, state } = action;
  const { completed, calls, speaker, worker, startedAt } = run;
  const tool = planned.tool === undefined ? 'left to the worker' : `${planned.tool} ${jsonText(planned.args ?? {})}`;
  const who = speaker === undefined ? '' : ` as ${speakerLabel(speaker)} on ${worker ?? '?'}`;
  const facts: [string, string | undefined][] = [
    ['state', `${stateText(state)}${action.attempt > 1 ? `, attempt ${action.attempt}` : ''}`],
    ['plan', `${planned.planId} (${origin})`],
    ['owner', `${planned.owner}${who}, ${planned.priority.toUpperCase()}`],
    ['tool', tool],
    ['after', planned.dependsOn.length === 0 ? undefined : planned.dependsOn.join(', ')],
    ['accepted', when(acceptedAt)],
    ['dispatched', dispatchedAt && when(dispatchedAt)],
    ['started', startedAt && when(startedAt)],
    ['ended', endedAt && when(endedAt)],
    ['summary', completed && oneLine(completed.summary)],
  ];
  const rows = facts.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]));
  return [
    `${bold(planned.actionId)}  ${oneLine(planned.action)}`,
    columns(rows, '  '),
    ...calls.flatMap(callLines),
    ...criteriaLines(completed?.criteria ?? [], planned.successCriteria),
  ].join('\n');
}

function callLines({ callId, tool, args, reason, returned }: ActionRun['calls'][number]): string[] {
  const ended =
    returned === undefined
      ? 'not returned yet'
      : returned.ok
        ? `${byLevel('good', 'ok')} in ${Math.round(returned.durationMs)} ms: ${jsonText(returned.result)}`
        : `${byLevel('bad', 'failed')} in ${Math.round(returned.durationMs)} ms: ${oneLine(returned.error ?? '')} ${jsonText(returned.result)}`;
  return ['', `  ${bold(tool)} ${jsonText(args)}  ${dim(callId)}`, `    ${dim(oneLine(reason))}`, `    ${ended}`];
}

type Criteria = NonNullable<ActionRun['completed']>['criteria'];

function criteriaLines(criteria: Criteria, planned: string): string[] {
  if (criteria.length === 0) return planned === '' ? [] : ['', `  success criteria: ${oneLine(planned)}`];
  const rows = criteria.map(({ text, verdict, detail }) => [verdict, oneLine(text), dim(oneLine(detail))]);
  return ['', bold('  Success criteria'), columns(rows, '  ')];
}

function stateText(state: string): string {
  if (state === 'succeeded') return byLevel('good', state);
  return byLevel(state === 'failed' || state === 'blocked' || state === 'uncertain' ? 'bad' : 'detail', state);
}

/** Values come from anywhere; a terminal must not obey them. */
function jsonText(value: unknown): string {
  return oneLine(JSON.stringify(value) ?? '');
}

import {
  applyAnswer,
  describeThreshold,
  duration,
  entryOf,
  type Gate,
  holdSentences,
  measureOf,
  oneLine,
  onRecordOf,
  openRollout,
  type RolloutDefinition,
  registeredDataset,
  registeredModel,
  stageLabel,
  type World,
} from '@conclave/contracts';
import type { Command } from 'commander';
import { callApi } from '../api.ts';
import { readDefinition } from '../definition-file.ts';
import { bold, columns, dim, style } from '../output/text.ts';
import { readWorld } from '../read-world.ts';
import type { Session, WithSession } from '../session.ts';
import { done } from './operate.ts';

export function addApply(program: Command, withSession: WithSession): void {
  program
    .command('apply')
    .description('open a rollout from its definition, or show what it would pin')
    .requiredOption('-f, --file <file>', 'YAML or JSON of kind ModelRollout')
    .option('--dry-run', 'only show what would be pinned')
    .option('--retry', 'open it again although a rollout of this very definition has ended')
    .action(async (options: { file: string; dryRun?: boolean; retry?: boolean }) => {
      const definition = readDefinition(options.file);
      await withSession((session) =>
        options.dryRun === true ? showPinned(session, definition) : apply(session, definition, options.retry === true),
      );
    });
}

async function apply({ bus, token, print }: Session, definition: RolloutDefinition, retry: boolean): Promise<void> {
  const answer = applyAnswer.parse(await callApi(bus, 'apply', { definition, retry }, token));
  if (answer.outcome === 'nothing_to_do') print(done(false, '', answer.detail));
  else {
    const name = bold(answer.rolloutId ?? definition.metadata.name);
    print(done(answer.outcome === 'opened', `${name} applied, pinned as`, `${name} is open already, pinned as`));
    print(pinnedText(definition, await readWorld(bus)));
    print(dim(`  Follow it with: conclave explain ${definition.spec.model}`));
  }
  for (const hold of answer.holds) print(style('yellow', `! ${oneLine(hold)}`));
}

async function showPinned({ bus, print }: Session, definition: RolloutDefinition): Promise<void> {
  const { model, version } = definition.spec;
  const world = await readWorld(bus);
  print(`${bold(`${model} ${version}`)} would be pinned as`);
  print(pinnedText(definition, world));
  const state = entryOf(world.rollouts, model);
  if (state === undefined) return;
  const standing = onRecordOf(world, state, definition);
  const open = openRollout(state);
  if (standing.kind === 'open') print(done(false, '', `${standing.rollout.rolloutId} is open on it already`));
  else if (standing.kind !== 'new') print(done(false, '', oneLine(standing.sentence)));
  else if (open !== undefined)
    print(
      style(
        'yellow',
        `! ${open.rolloutId} of ${open.definition.version} is open: apply refuses another until it has ended`,
      ),
    );
  for (const hold of holdSentences(state, new Date())) print(style('yellow', `! ${oneLine(hold)}`));
}

/** What the definition stands for with the registry as it is, and with what was pinned once it is open. */
function pinnedText({ spec }: RolloutDefinition, world: World): string {
  const state = world.rollouts[spec.model];
  const open = state === undefined ? undefined : openRollout(state);
  const pinned = open?.definition.version === spec.version ? open.definition : undefined;
  const dataset = registeredDataset(world, spec.dataset);
  const digest = pinned?.digest ?? spec.digest ?? registeredModel(world, spec.model, spec.version)?.digest;
  const missing = (command: string): string => style('yellow', `not registered; ${command}`);
  const stages = (pinned?.stages ?? spec.stages).map(({ name, soakSeconds }) =>
    soakSeconds === undefined ? stageLabel(name) : `${stageLabel(name)} ${dim(duration(soakSeconds))}`,
  );
  return columns(
    [
      ['model', digest ?? missing('push it: conclave model push <folder>')],
      [
        'dataset',
        dataset === undefined
          ? missing('push it: conclave dataset push <folder>')
          : `${dataset.name} ${pinned?.dataset ?? dataset.digest}`,
      ],
      [
        'replaces',
        state?.stable?.version ??
          style('yellow', `nothing; first: conclave adopt ${spec.model} <version> --dataset ${spec.dataset}`),
      ],
      ['authority', spec.authority],
      ['stages', stages.join(' > ')],
      ...spec.gates.map((gate, index) => [index === 0 ? 'gates' : '', gateText(gate)]),
    ],
    '  ',
  );
}

function gateText(gate: Gate): string {
  const measure = measureOf({ gate: gate.name, source: gate.source, operator: gate.operator }, gate);
  const least = 'minSamples' in gate ? `, at least ${gate.minSamples} samples` : '';
  const notes = `${gate.required ? '' : ', not required'}${gate.dryRun ? ', dry run' : ''}`;
  return `${gate.name} needs ${describeThreshold(measure, gate.operator, gate.threshold)}${dim(`${least}${notes}`)}`;
}

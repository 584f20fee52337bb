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
  type RolloutsState,
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

async function apply({ bus, token, answer }: Session, definition: RolloutDefinition, retry: boolean): Promise<void> {
  const applied = applyAnswer.parse(await callApi(bus, 'apply', { definition, retry }, token));
  const { outcome, detail, rolloutId, holds } = applied;
  const world = await readWorld(bus);
  const name = bold(rolloutId ?? definition.metadata.name);
  const lines =
    outcome === 'nothing_to_do'
      ? [done(false, '', detail)]
      : [
          done(outcome === 'opened', `${name} applied, pinned as`, `${name} is open already, pinned as`),
          pinnedText(definition, world),
          dim(`  Follow it with: conclave explain ${definition.spec.model}`),
        ];
  const pinned = pinnedJson(definition, world);
  answer({ outcome, detail, rolloutId, ...pinned, holds }, [...lines, ...holds.map(warning)].join('\n'));
}

function warning(text: string): string {
  return style('yellow', `! ${oneLine(text)}`);
}

async function showPinned({ bus, answer }: Session, definition: RolloutDefinition): Promise<void> {
  const { model, version } = definition.spec;
  const world = await readWorld(bus);
  const state = entryOf(world.rollouts, model);
  const standing = state === undefined ? undefined : standingOf(world, state, definition);
  const holds = state === undefined ? [] : holdSentences(state, new Date());
  const lines = [
    `${bold(`${model} ${version}`)} would be pinned as`,
    pinnedText(definition, world),
    ...(standing === undefined ? [] : [standing.isRefusal ? warning(standing.text) : done(false, '', standing.text)]),
    ...holds.map(warning),
  ];
  const detail = standing?.text ?? '';
  answer({ outcome: 'dry_run', detail, rolloutId: null, ...pinnedJson(definition, world), holds }, lines.join('\n'));
}

/** What stands in the way of opening it, or makes it needless. */
function standingOf(
  world: World,
  state: RolloutsState,
  definition: RolloutDefinition,
): { text: string; isRefusal: boolean } | undefined {
  const standing = onRecordOf(world, state, definition);
  if (standing.kind === 'open') {
    return { text: `${standing.rollout.rolloutId} is open on it already`, isRefusal: false };
  }
  if (standing.kind !== 'new') return { text: oneLine(standing.sentence), isRefusal: false };
  const open = openRollout(state);
  if (open === undefined) return undefined;
  const text = `${open.rolloutId} of ${open.definition.version} is open: apply refuses another until it has ended`;
  return { text, isRefusal: true };
}

/** As `pinnedText`, for programs: null for what is not registered, and for a soak that the configuration gives. */
function pinnedJson({ spec }: RolloutDefinition, world: World): object {
  const state = world.rollouts[spec.model];
  const open = state === undefined ? undefined : openRollout(state);
  const pinned = open?.definition.version === spec.version ? open.definition : undefined;
  const { model, version, authority, gates } = spec;
  const digest = pinned?.digest ?? spec.digest ?? registeredModel(world, model, version)?.digest ?? null;
  const dataset = pinned?.dataset ?? registeredDataset(world, spec.dataset)?.digest ?? null;
  const stages = (pinned?.stages ?? spec.stages).map(({ name, soakSeconds = null }) => ({ name, soakSeconds }));
  return { model, version, digest, dataset, replaces: state?.stable?.version ?? null, authority, stages, gates };
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

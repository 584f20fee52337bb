import type { Bus } from '@conclave/bus';
import {
  applyAnswer,
  entryOf,
  type Gate,
  isConclaveError,
  type RolloutDefinition,
  statusAnswer,
  subjects,
} from '@conclave/contracts';
import {
  describeThreshold,
  duration,
  holdSentences,
  measureOf,
  oneLine,
  onRecordOf,
  openRollout,
  type RolloutsState,
  registeredDataset,
  registeredModel,
  stageLabel,
  type World,
} from '@conclave/core';
import type { Command } from 'commander';
import { callApi } from '../api.ts';
import { readDefinition } from '../definition-file.ts';
import { bold, columns, dim, style } from '../output/text.ts';
import { readWorld } from '../read-world.ts';
import type { Session, WithSession } from '../session.ts';
import { done } from './operate.ts';

const WEEK_SECONDS = 604_800;
const STATUS_MS = 3000;

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
  const [world, filledIn] = await Promise.all([readWorld(bus), withSoaks(bus, definition)]);
  const state = entryOf(world.rollouts, model);
  const standing = state === undefined ? undefined : standingOf(world, state, definition);
  const holds = state === undefined ? [] : holdSentences(state, new Date());
  const lines = [
    `${bold(`${model} ${version}`)} would be pinned as`,
    pinnedText(filledIn, world),
    ...(standing === undefined ? [] : [standing.isRefusal ? warning(standing.text) : done(false, '', standing.text)]),
    ...holds.map(warning),
  ];
  const detail = standing?.text ?? '';
  answer({ outcome: 'dry_run', detail, rolloutId: null, ...pinnedJson(filledIn, world), holds }, lines.join('\n'));
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

/** As `pinnedText`, for programs: null for what is not registered. */
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
      ['stages', stagesText(pinned?.stages ?? spec.stages)],
      ...spec.gates.map((gate, index) => [index === 0 ? 'gates' : '', gateText(gate)]),
    ],
    '  ',
  );
}

/** Each stage with its soak, and what all take at least. */
function stagesText(stages: RolloutDefinition['spec']['stages']): string {
  const each = stages.map(({ name, soakSeconds }) =>
    soakSeconds === undefined ? stageLabel(name) : `${stageLabel(name)} ${soakText(soakSeconds)}`,
  );
  const soaks = stages.map(({ soakSeconds }) => soakSeconds).filter((soakSeconds) => soakSeconds !== undefined);
  const whole = soaks.reduce((sum, soakSeconds) => sum + soakSeconds, 0);
  const inAll =
    soaks.length === stages.length
      ? `at least ${soakText(whole)} in all`
      : 'the others as the configuration of the coordinator says';
  return `${each.join(' > ')}${dim(`, ${inAll}`)}`;
}

function soakText(seconds: number): string {
  return seconds === WEEK_SECONDS ? 'a week' : duration(seconds);
}

/**
 * With the soaks that the coordinator would fill in; it is asked only where the definition leaves one open. Where none answers they stay
 * open: what else is to be pinned can be said without it.
 */
async function withSoaks(bus: Bus, definition: RolloutDefinition): Promise<RolloutDefinition> {
  const { spec } = definition;
  if (spec.stages.every(({ soakSeconds }) => soakSeconds !== undefined)) return definition;
  const usual = await usualSoak(bus).catch((error: unknown) => {
    if (isConclaveError(error, 'CVE_REQUEST_UNANSWERED')) return undefined;
    throw error;
  });
  if (usual === undefined) return definition;
  const stages = spec.stages.map(({ name, soakSeconds = usual }) => ({ name, soakSeconds }));
  return { ...definition, spec: { ...spec, stages } };
}

/** Undefined where a coordinator answers that does not tell it yet. */
async function usualSoak(bus: Bus): Promise<number | undefined> {
  const reply = await bus.request(subjects.api('status'), {}, { timeoutMs: STATUS_MS });
  return statusAnswer.safeParse(reply.json()).data?.soakSeconds;
}

function gateText(gate: Gate): string {
  const measure = measureOf({ gate: gate.name, source: gate.source, operator: gate.operator }, gate);
  const least = 'minSamples' in gate ? `, at least ${gate.minSamples} samples` : '';
  const notes = gate.dryRun ? ', dry run' : '';
  return `${gate.name} needs ${describeThreshold(measure, gate.operator, gate.threshold)}${dim(`${least}${notes}`)}`;
}

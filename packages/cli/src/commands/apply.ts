import { readFileSync } from 'node:fs';
import type { Bus } from '@conclave/bus';
import {
  ConclaveError,
  describeThreshold,
  duration,
  type Gate,
  measureOf,
  messageOf,
  openRollout,
  type RolloutDefinition,
  registeredDataset,
  registeredModel,
  rolloutDefinition,
  type StageName,
  stageLabel,
  statusAnswer,
  type World,
  zodMessage,
} from '@conclave/contracts';
import type { Command } from 'commander';
import { parse } from 'yaml';
import { callApi } from '../api.ts';
import { bold, columns, dim, style } from '../output/text.ts';
import { readWorld } from '../read-world.ts';
import type { WithSession } from '../session.ts';

const WEEK_SECONDS = 604_800;

export function addApply(program: Command, withSession: WithSession): void {
  program
    .command('apply')
    .description('open a rollout from its definition, or show what it would pin')
    .requiredOption('-f, --file <file>', 'YAML or JSON of kind ModelRollout')
    .option('--dry-run', 'only show what would be pinned')
    .action(async (options: { file: string; dryRun?: boolean }) => {
      const definition = readDefinition(options.file);
      await withSession(async ({ bus, token, print }) => {
        if (options.dryRun === true) {
          print(`${bold(`${definition.spec.model} ${definition.spec.version}`)} would be pinned as`);
          const [world, soakSeconds] = await Promise.all([readWorld(bus), defaultSoak(bus, definition)]);
          return print(pinnedText(definition, world, soakSeconds));
        }
        await callApi(bus, 'apply', { definition }, token);
        const world = await readWorld(bus);
        const state = world.rollouts[definition.spec.model];
        const rollout = state === undefined ? undefined : openRollout(state);
        print(`${style('green', '✓')} ${bold(rollout?.rolloutId ?? definition.metadata.name)} applied, pinned as`);
        print(pinnedText(definition, world));
        print(dim(`  Follow it with: conclave explain ${definition.spec.model}`));
      });
    });
}

/** @throws CVE_ROLLOUT_INVALID naming file, field and value */
export function readDefinition(file: string): RolloutDefinition {
  let raw: unknown;
  try {
    raw = parse(readFileSync(file, 'utf8'));
  } catch (error) {
    const reason = messageOf(error).split('\n')[0]?.replace(/:$/, '') ?? '';
    throw new ConclaveError(
      'CVE_ROLLOUT_INVALID',
      `${file} cannot be read as YAML: ${reason}; correct the path or the file`,
    );
  }
  const parsed = rolloutDefinition.safeParse(raw);
  if (parsed.success) return parsed.data;
  throw new ConclaveError(
    'CVE_ROLLOUT_INVALID',
    `${file}: ${zodMessage(parsed.error, raw)}; see examples/emoji-search/rollouts`,
  );
}

/** What the definition stands for with the registry as it is, and with what was pinned once it is open. */
function pinnedText({ spec }: RolloutDefinition, world: World, defaultSoakSeconds?: number): string {
  const state = world.rollouts[spec.model];
  const open = state === undefined ? undefined : openRollout(state);
  const pinned = open?.definition.version === spec.version ? open.definition : undefined;
  const dataset = registeredDataset(world, spec.dataset);
  const digest = pinned?.digest ?? spec.digest ?? registeredModel(world, spec.model, spec.version)?.digest;
  const missing = (command: string): string => style('yellow', `not registered; ${command}`);
  const stages = (pinned?.stages ?? spec.stages).map(({ name, soakSeconds = defaultSoakSeconds }) => ({
    name,
    soakSeconds,
  }));
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
      ['stages', stagesText(stages)],
      ...spec.gates.map((gate, index) => [index === 0 ? 'gates' : '', gateText(gate)]),
    ],
    '  ',
  );
}

/** Each stage with its soak, and what all take at least. */
function stagesText(stages: readonly { name: StageName; soakSeconds: number | undefined }[]): string {
  const each = stages.map(({ name, soakSeconds }) =>
    soakSeconds === undefined ? stageLabel(name) : `${stageLabel(name)} ${soakText(soakSeconds)}`,
  );
  const whole = stages.reduce((sum, { soakSeconds = 0 }) => sum + soakSeconds, 0);
  return `${each.join(' > ')}${dim(`, at least ${soakText(whole)} in all`)}`;
}

function soakText(seconds: number): string {
  return seconds === WEEK_SECONDS ? 'a week' : duration(seconds);
}

/** What the coordinator would fill in; it is asked only where the definition leaves something open. */
async function defaultSoak(bus: Bus, { spec }: RolloutDefinition): Promise<number | undefined> {
  if (spec.stages.every(({ soakSeconds }) => soakSeconds !== undefined)) return undefined;
  return statusAnswer.parse(await callApi(bus, 'status', {})).soakSeconds;
}

function gateText(gate: Gate): string {
  const measure = measureOf({ gate: gate.name, source: gate.source, operator: gate.operator }, gate);
  const least = 'minSamples' in gate ? `, at least ${gate.minSamples} samples` : '';
  const notes = `${gate.required ? '' : ', not required'}${gate.dryRun ? ', dry run' : ''}`;
  return `${gate.name} needs ${describeThreshold(measure, gate.operator, gate.threshold)}${dim(`${least}${notes}`)}`;
}

import { readFileSync } from 'node:fs';
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
  stageLabel,
  type World,
  zodMessage,
} from '@conclave/contracts';
import type { Command } from 'commander';
import { parse } from 'yaml';
import { callApi } from '../api.ts';
import { bold, columns, dim, style } from '../output/text.ts';
import { readWorld } from '../read-world.ts';
import type { WithSession } from '../session.ts';

export function addApply(program: Command, withSession: WithSession): void {
  program
    .command('apply')
    .description('open a rollout from its definition, or show what it would pin')
    .requiredOption('-f, --file <file>', 'YAML or JSON of kind ModelRollout')
    .option('--dry-run', 'only show what would be pinned')
    .action(async (options: { file: string; dryRun?: boolean }) => {
      const definition = readDefinition(options.file);
      await withSession(async ({ bus, token, answer }) => {
        const named = `${definition.spec.model} ${definition.spec.version}`;
        if (options.dryRun === true) {
          const world = await readWorld(bus);
          const pinned = pinnedJson(definition, world);
          return answer(
            { applied: false, rolloutId: null, ...pinned },
            `${bold(named)} would be pinned as\n${pinnedText(definition, world)}`,
          );
        }
        await callApi(bus, 'apply', { definition }, token);
        const world = await readWorld(bus);
        const state = world.rollouts[definition.spec.model];
        const rollout = state === undefined ? undefined : openRollout(state);
        const lines = [
          `${style('green', '✓')} ${bold(rollout?.rolloutId ?? definition.metadata.name)} applied, pinned as`,
          pinnedText(definition, world),
          dim(`  Follow it with: conclave explain ${definition.spec.model}`),
        ];
        const pinned = pinnedJson(definition, world);
        answer({ applied: true, rolloutId: rollout?.rolloutId ?? null, ...pinned }, lines.join('\n'));
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

import { cliReference, EXIT_CODES, exitCodeOfCode, type TakenReference } from '@conclave/cli';
import {
  agentConfig,
  ConclaveError,
  conclaveConfig,
  ERROR_MEANINGS,
  gate,
  handoffDocument,
  incidentReport,
  insightNote,
  isErrorCode,
  rolloutDefinition,
} from '@conclave/contracts';
import { serviceEnvironment } from '@conclave/service';
import { z } from 'zod';
import { VENDORS } from '../../packages/agents/src/index.ts';
import { inputSchema, PROPERTY_HEAD, propertyRows, table } from './schema-table.ts';
import { toolsText } from './tools.ts';

/** Every generated document: its path in the checkout, and its text. */
export function documents(): ReadonlyMap<string, string> {
  const pages: [string, string, string][] = [
    ['configuration', 'Configuration', configurationText()],
    ['rollout', 'Rollout files', rolloutText()],
    ['tools', 'Tools of the executive team', toolsText()],
    ['errors', 'Error codes', errorsText()],
    ['cli', 'The conclave command', cliText()],
  ];
  const schemas: [string, z.ZodType][] = [
    ['rollout', rolloutDefinition],
    ['handoff', handoffDocument],
    ['incident', incidentReport],
    ['insight', insightNote],
    ['configuration', conclaveConfig],
  ];
  return new Map([
    ...pages.map(([name, title, text]): [string, string] => [
      `docs/reference/${name}.md`,
      `# ${title}\n\n_Made by \`pnpm run docs\` from the code; edit it there._\n\n${text}\n`,
    ]),
    ...schemas.map(([name, of]): [string, string] => [
      `docs/schemas/${name}.schema.json`,
      `${JSON.stringify(z.toJSONSchema(of, { io: 'input', unrepresentable: 'any' }), null, 2)}\n`,
    ]),
  ]);
}

/** What is read elsewhere than in a service's environment. */
const OTHER_VARIABLES = [
  ['`CONCLAVE_NATS_URL`', 'Where the conclave command finds NATS, unless --nats says so.'],
  ['`CONCLAVE_STATE`', 'State folder of the local stack, unless --state says so.'],
  ['`CONCLAVE_NKEY_FILE`', "File with the seed of the operator's nkey; default: that of the local stack."],
  [
    '`CONCLAVE_KEYRING_FILE`',
    'File with the keys whose signatures count; default: that of the local stack. Without it nothing on record can be read.',
  ],
  ['`CONCLAVE_OPERATOR_TOKEN`', "The operator's token; default: that of the local stack."],
  ['`CONCLAVE_OPERATOR_TOKEN_FILE`', 'File that holds it.'],
  [
    '`CONCLAVE_HTTP_TOKEN`',
    'Bearer token for the HTTP routes of services beyond loopback; read by conclave load and infer too.',
  ],
  ['`CONCLAVE_RUNNER_URL`', 'Base URL under which others reach a gpu-runner; default: loopback and its port.'],
  ['`NATS_URL`', 'A NATS server that runs already; npm start then starts none.'],
  ['`NATS_SERVER_BIN`', 'The nats-server to start.'],
  [
    VENDORS.map(({ key }) => `\`${key.variable}\``).join(', '),
    'Keys of the vendors, unless a chair names another variable with apiKeyEnv.',
  ],
] as const;

function configurationText(): string {
  const root = inputSchema(conclaveConfig);
  const sections = Object.entries(root.properties ?? {}).filter(([, section]) => section.properties !== undefined);
  const others = {
    ...root,
    properties: Object.fromEntries(Object.entries(root.properties ?? {}).filter(([, s]) => s.properties === undefined)),
  };
  return [
    'A YAML file; `extends: other.yaml` begins with another one. An option that does not exist is refused. Ready ones are in `config/`; the JSON Schema is `docs/schemas/configuration.schema.json`.',
    ...sections.map(([name, section]) =>
      [`## ${name}`, section.description ?? '', table(PROPERTY_HEAD, propertyRows(section, `${name}.`))].join('\n\n'),
    ),
    ['## The rest', table(PROPERTY_HEAD, propertyRows(others))].join('\n\n'),
    [
      '## Environment of a service',
      table(PROPERTY_HEAD, propertyRows(inputSchema(serviceEnvironment))),
      '## Environment of the command and of `npm start`',
      table(['name', 'meaning'], OTHER_VARIABLES),
    ].join('\n\n'),
    ['## A chair', 'What stands under a role of `planningTeam` or `executiveTeam`.', ...variants(agentConfig)].join(
      '\n\n',
    ),
  ].join('\n\n');
}

/** One table for each form that something may have. */
function variants(of: z.ZodType): string[] {
  const { oneOf, anyOf } = inputSchema(of);
  return (oneOf ?? anyOf ?? []).map((variant) => table(PROPERTY_HEAD, propertyRows(variant)));
}

function rolloutText(): string {
  const whole = inputSchema(rolloutDefinition);
  const stages = whole.properties?.spec?.properties?.stages?.items ?? {};
  return [
    '`kind: ModelRollout`, YAML or JSON; [rollouts.md](../rollouts.md) tells how it works, `docs/schemas/rollout.schema.json` is the JSON Schema. The default gates stand there with their thresholds.',
    table(PROPERTY_HEAD, propertyRows(whole)),
    ['## A stage', table(PROPERTY_HEAD, propertyRows(stages))].join('\n\n'),
    ['## A gate', 'One of these forms, by its `source`.', ...variants(gate)].join('\n\n'),
  ].join('\n\n');
}

function errorsText(): string {
  const rows = Object.entries(ERROR_MEANINGS).flatMap(([code, { means, todo }]) => {
    if (!isErrorCode(code)) return [];
    const { retry } = new ConclaveError(code, '');
    return [[`\`${code}\``, retry, String(exitCodeOfCode(code, retry === 'timeout')), means, todo]];
  });
  return [
    'An error begins with its code, wherever it is shown; its message names the thing, the value and the way out.',
    'kind: `retryable` may be asked again as it is; `terminal` will fail again until something is changed; `cancelled` was stopped; `timeout` took too long and may still happen. exit: exit code of the conclave command.',
    table(['code', 'kind', 'exit', 'means', 'what to do'], rows),
  ].join('\n\n');
}

function cliText(): string {
  const { verbs, common } = cliReference();
  return [
    '## Of every verb',
    takenTable(common),
    'With `--json` standard output has exactly one JSON document, whatever happens; progress and messages go to standard error. A failure stands in the document as `{"error": {"code", "message", "retry"}}`, beside what was answered before it (codes: [errors.md](errors.md)); the same message is a line on standard error. `status --watch --json` has one document a line instead.',
    '## Exit codes',
    table(
      ['code', 'name', 'meaning'],
      EXIT_CODES.map(([code, name, meaning]) => [String(code), name, meaning]),
    ),
    ...verbs.map(({ verb, alias, usage, description, takes }) =>
      [
        `## ${verb}`,
        `\`${usage}\`${alias === undefined ? '' : `, also \`conclave ${alias}\``}`,
        `${description[0]?.toUpperCase()}${description.slice(1)}.`,
        ...(takes.length === 0 ? [] : [takenTable(takes)]),
      ].join('\n\n'),
    ),
  ].join('\n\n');
}

function takenTable(takes: readonly TakenReference[]): string {
  const rows = takes.map((taken) => [
    `\`${taken.name}\``,
    taken.isRequired ? 'yes' : '',
    taken.default === undefined ? '' : `\`${taken.default}\``,
    taken.description,
  ]);
  return table(['argument or option', 'required', 'default', 'meaning'], rows);
}

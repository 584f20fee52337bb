import { type PlannedAction, ROLE_TOOLS, type ToolName, toolName } from '@conclave/contracts';
import { type ActionRun, isRollbackText, type World } from '@conclave/core';
import { parseCriteria } from '../criteria/parse-criteria.ts';
import { knownModels, knownVersions } from '../tools/target.ts';
import type { ToolArgs } from '../tools/tool.ts';
import { nameIn, pathIn, stageIn, versionIn } from './action-text.ts';
import { rollbackArgs } from './rollback-args.ts';
import type { PlannedCall } from './worker.ts';

/*
 * What the `rules` worker does with an action. It is no LLM: it knows a list of phrases and says so when none fits.
 * 1. `tool` and `args` of the action are taken as they stand; a version that only the text names is added.
 * 2. Tools that change something are recognised only when the text begins with their verb, so that "do not deploy" and
 *    "review the rollback plan" do nothing.
 * 3. How many calls and of which tools depends on the action alone, never on the world: a resumed action goes on with
 *    the same plan.
 * 4. A tool outside the owner's ROLE_TOOLS is refused, wherever its name came from.
 */

export type RulesPlan =
  | { readonly calls: readonly PlannedCall[]; readonly refusal?: undefined }
  | { readonly calls?: undefined; readonly refusal: string };

/** The calls an action asks for, or why there are none. */
export function planByRules(action: PlannedAction, world: World): RulesPlan {
  const allowed = ROLE_TOOLS[action.owner];
  const first = firstCall(action, world);
  if (typeof first === 'string') return { refusal: `${first}; ${ableTo(action)}` };
  if (!allowed.includes(first.tool)) {
    return { refusal: `${action.owner} may not use ${first.tool}; ${ableTo(action)}` };
  }
  const target = targetOf(first.args);
  const checks = impliedTools(action, first.tool).filter((tool) => allowed.includes(tool));
  return { calls: [first, ...checks.map((tool) => implied(tool, target))] };
}

/** After a rollback only what is quickly done is looked at, on the version that serves again: the next order waits for the slot. */
const AFTER_ROLLBACK: readonly ToolName[] = ['smoke_test', 'collect_metrics'];

/** The calls that an order to roll back asks for, and the checks of stable that its success criteria name. */
export function rollbackPlan(action: PlannedAction, run: ActionRun, world: World): RulesPlan {
  const { tool, owner } = action;
  const reason = tool === undefined ? `"${action.action}" orders a rollback` : `the action names ${tool}`;
  const first: PlannedCall = { tool: 'rollback_model', args: rollbackArgs(action, world), reason };
  const { model } = run.calls[0]?.args ?? {};
  const checks = impliedTools(action, 'rollback_model').filter(
    (name) => AFTER_ROLLBACK.includes(name) && ROLE_TOOLS[owner].includes(name),
  );
  return { calls: [first, ...checks.map((name) => implied(name, model === undefined ? {} : { model }))] };
}

function implied(tool: ToolName, args: ToolArgs): PlannedCall {
  return { tool, args, reason: 'the success criteria ask for it' };
}

interface Phrase {
  readonly tool: ToolName;
  readonly pattern: { test(text: string): boolean };
}

const POLITE = String.raw`^(?:(?:please|now|immediately|then|first|next)[,:]?\s+)*`;

/** In order of precedence; `verb first` patterns for tools that change something. */
const PHRASES: readonly Phrase[] = [
  {
    tool: 'run_python_script',
    pattern: new RegExp(String.raw`${POLITE}(?:run|execute|start)\b.*(?:\bscript\b|\.py\b)`, 'i'),
  },
  {
    tool: 'run_rollback_test',
    pattern: /\broll-?\s?back[\s-]+(?:test|drill|rehearsal|readiness|procedure)s?\b|\btest (?:the )?roll-?\s?back\b/i,
  },
  { tool: 'rollback_model', pattern: { test: isRollbackText } },
  {
    tool: 'deploy_model',
    pattern: new RegExp(
      String.raw`${POLITE}(?:re-?deploy|deploy|promote|advance|release|ship|roll\s?out|move|increase|raise|expand)\b`,
      'i',
    ),
  },
  {
    tool: 'check_file',
    pattern: /\b(?:check|verify|inspect|confirm|find|locate)\b.*(?:\bfiles?\b|\bartifacts?\b|\/|\.[a-z]{2,5}\b)/i,
  },
  {
    tool: 'run_evaluation',
    pattern: /\b(?:re-?)?evaluat(?:e|es|ion|ing)\b|\bvalidation set\b|\bvalidat(?:e|ing)\b|\bndcg\b|\bbenchmark\b/i,
  },
  {
    tool: 'smoke_test',
    pattern: /\bsmoke[\s-]*tests?\b|\bsanity[\s-]checks?\b|\bintegration tests?\b|\bcompatibility tests?\b/i,
  },
  {
    tool: 'collect_metrics',
    pattern:
      /\b(?:collect|gather|measure|monitor|record|log|track|report|check|watch|analy[sz]e|verify|review)\b.*\b(?:metrics?|telemetry|latenc(?:y|ies)|slos?|performance|p9[59]|error rates?|traffic|baseline|health)\b/i,
  },
];

function firstCall(action: PlannedAction, world: World): PlannedCall | string {
  if (action.tool !== undefined) {
    const { data: tool } = toolName.safeParse(action.tool);
    if (tool === undefined)
      return `the action names ${action.tool}, a tool that this executor does not have: upgrade it`;
    return { tool, args: namedArgs(tool, action, world), reason: `the action names ${tool}` };
  }
  const phrase = PHRASES.find(({ pattern }) => pattern.test(action.action));
  if (phrase === undefined) return `the rules worker is no LLM and has no rule for "${action.action}"`;
  const args = argsFor(phrase.tool, action.action, world);
  if (typeof args === 'string') return args;
  return { tool: phrase.tool, args: { ...args, ...action.args }, reason: `"${action.action}" reads as ${phrase.tool}` };
}

const TARGETED: readonly ToolName[] = [
  'deploy_model',
  'run_rollback_test',
  'run_evaluation',
  'collect_metrics',
  'smoke_test',
];

/** Arguments as given, without those that are null and so left out, and with the version that the text names. */
function namedArgs(tool: ToolName, { action, args = {} }: PlannedAction, world: World): ToolArgs {
  const given = Object.fromEntries(Object.entries(args).filter(([, value]) => value !== null));
  const named = versionIn(action);
  if (!TARGETED.includes(tool) || given.version !== undefined || named === undefined) return given;
  const models = typeof given.model === 'string' ? [given.model] : knownModels(world);
  const isKnown = models.some((model) => knownVersions(world, model).includes(named));
  return isKnown ? { ...given, version: named } : given;
}

function argsFor(tool: ToolName, text: string, world: World): ToolArgs | string {
  const version = versionIn(text);
  const model = nameIn(text, knownModels(world));
  const target = { ...(model === undefined ? {} : { model }), ...(version === undefined ? {} : { version }) };
  switch (tool) {
    case 'deploy_model': {
      const stage = stageIn(text);
      return stage === undefined
        ? `"${text}" names no stage: shadow, 5%, 20%, 50% or production`
        : { ...target, stage };
    }
    case 'rollback_model':
      return { ...target, reason: text };
    case 'check_file':
    case 'run_python_script': {
      const path = pathIn(text);
      if (path === undefined) return `"${text}" names no file`;
      return tool === 'check_file' ? { path } : { script: path };
    }
    default:
      return target;
  }
}

/** Tools beyond the first that text and success criteria ask for, in the order they make sense. */
function impliedTools(action: PlannedAction, first: ToolName): ToolName[] {
  const implied = new Set<ToolName>();
  if (first !== 'check_file' && first !== 'run_python_script' && /\bsmoke[\s-]*tests?\b/i.test(action.action))
    implied.add('smoke_test');
  for (const { predicate } of parseCriteria(action.successCriteria)) {
    if (predicate.kind === 'smoke_passed') implied.add('smoke_test');
    if (predicate.kind === 'rollback_test_passed') implied.add('run_rollback_test');
    if (predicate.kind === 'slos_measured') implied.add('collect_metrics');
    if (predicate.kind === 'evaluated') implied.add('run_evaluation');
    if (predicate.kind === 'number' || predicate.kind === 'range')
      implied.add(predicate.quantity.startsWith('ndcg') ? 'run_evaluation' : 'collect_metrics');
  }
  implied.delete(first);
  const order: readonly ToolName[] = ['smoke_test', 'run_evaluation', 'run_rollback_test', 'collect_metrics'];
  return order.filter((tool) => implied.has(tool));
}

function targetOf(args: ToolArgs): ToolArgs {
  return Object.fromEntries(Object.entries(args).filter(([name]) => name === 'model' || name === 'version'));
}

const VERBS: Readonly<Record<ToolName, string>> = {
  deploy_model: '"deploy V1.0 to shadow"',
  rollback_model: '"roll back V1.0"',
  run_rollback_test: '"run rollback test"',
  run_evaluation: '"evaluate V1.0 on validation set"',
  collect_metrics: '"collect metrics"',
  run_python_script: '"run script report.py"',
  smoke_test: '"smoke test V1.0"',
  check_file: '"check file report.json"',
};

function ableTo({ owner }: PlannedAction): string {
  return `${owner} understands ${ROLE_TOOLS[owner].map((tool) => VERBS[tool]).join(', ')}`;
}

import { ROLE_TOOLS, TOOLS, type ToolName } from '@conclave/contracts';
import { systemClock } from '@conclave/service';
import { checkFile } from '../../services/executor/src/tools/check-file.ts';
import { collectMetrics } from '../../services/executor/src/tools/collect-metrics.ts';
import { deployModel } from '../../services/executor/src/tools/deploy-model.ts';
import { rollbackModel } from '../../services/executor/src/tools/rollback-model.ts';
import { runEvaluation } from '../../services/executor/src/tools/run-evaluation.ts';
import { runPythonScript } from '../../services/executor/src/tools/run-python-script.ts';
import { runRollbackTest } from '../../services/executor/src/tools/run-rollback-test.ts';
import { smokeTest } from '../../services/executor/src/tools/smoke-test.ts';
import type { Tool } from '../../services/executor/src/tools/tool.ts';
import { inputSchema, PROPERTY_HEAD, propertyRows, table } from './schema-table.ts';

/** Nothing here is called: the reference looks at names, descriptions and schemas only. */
async function unused(): Promise<never> {
  throw new Error('the reference calls no tool');
}

const bus = { request: unused };
const journal = { read: unused };
const world = { until: unused, upToDate: unused };
const queriesOf = unused;

/** The executor's own tools, unconnected. */
const BY_NAME: Readonly<Record<ToolName, Tool>> = {
  deploy_model: deployModel(bus),
  rollback_model: rollbackModel(bus, world),
  run_rollback_test: runRollbackTest({ bus, journal, world }),
  run_evaluation: runEvaluation({ journal, queue: { publish: unused }, world }),
  collect_metrics: collectMetrics({ follow: () => ({ stop: unused }), clock: systemClock, patienceMs: 0 }),
  run_python_script: runPythonScript({ announce: unused, run: unused, neverStarted: unused }, []),
  smoke_test: smokeTest({ members: unused, bus, fetch: unused, httpToken: undefined, queriesOf }),
  check_file: checkFile([]),
};

/** docs/reference/tools.md, without its head. */
export function toolsText(): string {
  return TOOLS.map((name) => toolText(name, BY_NAME[name])).join('\n\n');
}

function toolText(name: ToolName, tool: Tool): string {
  const users = Object.entries(ROLE_TOOLS)
    .filter(([, tools]) => tools.includes(name))
    .map(([role]) => `\`${role}\``);
  const again = tool.idempotent
    ? 'A call that nobody answered may be made again.'
    : 'It runs at most once: nobody knows what it changes.';
  return [
    `## ${name}`,
    tool.description,
    `Used by ${users.join(', ')}. ${tool.changes ? 'It changes something.' : 'It changes nothing.'} ${again}`,
    table(PROPERTY_HEAD, propertyRows(inputSchema(tool.args))),
  ].join('\n\n');
}

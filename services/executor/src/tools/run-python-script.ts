import { stat } from 'node:fs/promises';
import { ConclaveError } from '@conclave/contracts';
import { z } from 'zod';
import { allowedPath } from '../scripts/roots.ts';
import type { EndedScript, ScriptRunner } from '../scripts/run-script.ts';
import { shortened } from '../scripts/script-output.ts';
import { defineTool, type Tool, type ToolReturn } from './tool.ts';
import type { ToolKit } from './tool-kit.ts';

const args = z.strictObject({
  script: z.string().min(1).max(1000).describe('Path inside one of executor.scriptRoots, relative to it or absolute.'),
  args: z.array(z.string().max(4000)).max(50).default([]).describe('Arguments of the script.'),
});

/** Characters of output that go into the journal. */
const STDOUT_LIMIT = 5000;
const STDERR_LIMIT = 3000;

/** Runs a script from the allowed folders, at most once per call: nobody knows what it changes. */
export function runPythonScript(runner: ScriptRunner, roots: readonly string[]): Tool {
  return defineTool({
    name: 'run_python_script',
    description: 'Runs a Python script from the allowed folders, with limits on time, memory, processes and output.',
    args,
    idempotent: false,
    changes: true,
    announce: (callId) => runner.announce(callId),
    neverStarted: (callId) => runner.neverStarted(callId),
    async run({ script, args: scriptArgs }, { callId, signal }) {
      const { path, exists } = await allowedPath(script, roots);
      if (!exists || !(await stat(path)).isFile()) {
        return { ok: false, result: null, error: `${script} is no file in the allowed folders` };
      }
      return toReturn(script, await runner.run(callId, path, scriptArgs, signal));
    },
  });
}

function toReturn(script: string, ended: EndedScript): ToolReturn {
  const { exitCode, signal, stdout, stderr, durationMs, stoppedFor, startFailure } = ended;
  if (startFailure !== undefined) {
    throw new ConclaveError('CVE_TOOL_FAILED', `${script} could not be started: ${startFailure}`);
  }
  const json = lastLineAsJson(stdout.text);
  const result = {
    exitCode,
    signal,
    stdout: shortened(stdout.text, STDOUT_LIMIT),
    stdoutBytes: stdout.bytes,
    stderr: shortened(stderr.text, STDERR_LIMIT),
    stderrBytes: stderr.bytes,
    durationMs,
    ...(json === undefined ? {} : { json }),
    ...(stoppedFor === undefined ? {} : { stoppedFor }),
  };
  if (exitCode === 0 && stoppedFor === undefined) return { ok: true, result };
  return { ok: false, result, error: `${script} ${endOf(ended)}` };
}

function endOf({ exitCode, signal, stoppedFor }: EndedScript): string {
  if (stoppedFor === 'time') return 'ran longer than executor.scriptTimeoutSeconds and was killed';
  if (stoppedFor === 'processes') return 'started too many processes and was killed';
  return signal === null ? `ended with exit code ${exitCode}` : `was ended by ${signal}`;
}

function lastLineAsJson(text: string): unknown {
  const line = text.trimEnd().split('\n').at(-1)?.trim() ?? '';
  if (!/^[[{]/.test(line)) return undefined;
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/** The tool of the real system. */
export const connect = (kit: ToolKit): Tool => runPythonScript(kit.scripts, kit.scriptRoots);

import type { Rollout } from '@conclave/core';
import type { Evidence } from './evidence.ts';
import { type JudgeContext, type Judged, withoutValue } from './judged.ts';

/** Zero open P0 incidents, of this model or of all. */
export function judgeIncidents(evidence: Evidence, { now }: JudgeContext): Judged {
  const count = evidence.openP0.length;
  const window = { from: now.toISOString(), to: now.toISOString() };
  const base = { value: count, interval: null, samples: count, window, source: 'incidents' };
  const [unread] = evidence.unreadIncidents;
  if (count === 0 && unread !== undefined)
    return withoutValue('inconclusive', 'incidents', `${unread}: upgrade the coordinators`);
  if (count === 0) return { ...base, outcome: 'pass', sentence: 'no open P0 incident' };
  return {
    ...base,
    outcome: 'fail',
    sentence: `open P0: ${evidence.openP0.map((i) => `${i.incidentId} (${i.title})`).join(', ')}`,
  };
}

/** Every runner that serves the stage passed its rollback test in this epoch; the newest attempt of each counts. */
export function judgeRollbackTest(rollout: Rollout, evidence: Evidence): Judged {
  if (rollout.runners.length === 0) return withoutValue('pending', 'rollback_test', 'the stage does not serve yet');
  const byRunner = rollout.runners.map((runner) => ({
    runner,
    test: evidence.rollbackTests.find((e) => e.request?.kind === 'rollback_test' && e.request.runner === runner),
  }));
  const done = byRunner.flatMap(({ runner, test }) =>
    test?.result?.kind === 'rollback_test' ? [{ runner, result: test.result }] : [],
  );
  const source = byRunner.find(({ test }) => test !== undefined)?.test?.evaluationId ?? 'rollback_test';
  const broken = byRunner.find(({ test }) => test?.state === 'failed');
  if (broken !== undefined) {
    return withoutValue(
      'error',
      source,
      `the rollback test on ${broken.runner} could not run: ${broken.test?.failure?.message ?? 'no reason given'}`,
    );
  }
  const failed = done.find(({ result }) => !result.passed);
  if (failed !== undefined) {
    return {
      outcome: 'fail',
      value: 0,
      interval: null,
      samples: done.length,
      window: null,
      source,
      sentence: `failed on ${failed.runner}: ${failed.result.detail}`,
    };
  }
  if (done.length < byRunner.length) {
    const missing = byRunner.filter(({ test }) => test?.result === undefined).map(({ runner }) => runner);
    const outcome = byRunner.some(({ test }) => test?.state === 'running') ? 'running' : 'pending';
    return withoutValue(
      outcome,
      source,
      `not yet tested in this stage: ${missing.join(', ')}; run_rollback_test`,
      done.length,
    );
  }
  const slowest = Math.max(...done.map(({ result }) => result.swapToStableMs));
  return {
    outcome: 'pass',
    value: 1,
    interval: null,
    samples: done.length,
    window: null,
    source,
    sentence: `passed on ${done.length} runner(s), stable alone after at most ${slowest.toFixed(0)} ms`,
  };
}

import { summaryOf } from './done.ts';
import { planByRules } from './rules-plan.ts';
import type { Worker } from './worker.ts';

/** The deterministic worker: no LLM, no key, the same answer to the same action. It stops at the first failed call. */
export function rulesWorker(): Worker {
  return {
    speaker: { adapter: 'rules', model: 'rules' },
    async next({ action, run, world }) {
      const plan = planByRules(action, world);
      if (plan.refusal !== undefined) return { kind: 'refused', reason: plan.refusal };
      const failed = run.calls.find((call) => call.returned?.ok === false);
      const call = failed === undefined ? plan.calls[run.calls.length] : undefined;
      return call === undefined ? { kind: 'done', summary: summaryOf(run.calls) } : { kind: 'call', call };
    },
  };
}

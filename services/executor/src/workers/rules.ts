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
      if (failed !== undefined) {
        return { kind: 'done', summary: `${failed.tool} failed: ${failed.returned?.error ?? 'no reason given'}` };
      }
      const call = plan.calls[run.calls.length];
      if (call !== undefined) return { kind: 'call', call };
      return { kind: 'done', summary: `${plan.calls.map(({ tool }) => tool).join(', then ')} done` };
    },
  };
}

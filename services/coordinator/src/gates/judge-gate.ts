import type { Gate, Verdict } from '@conclave/contracts';
import type { Rollout } from '@conclave/core';
import type { Evidence } from './evidence.ts';
import { judgeComparison, judgeEvaluation } from './judge-offline.ts';
import { judgeIncidents, judgeRollbackTest } from './judge-safety.ts';
import { judgeTelemetry } from './judge-telemetry.ts';
import type { JudgeContext, Judged } from './judged.ts';

/**
 * The verdict of one gate: a pure function of the gate, the rollout, the evidence and the time.
 * Missing, stale or mismatched evidence never passes.
 */
export function judgeGate(gate: Gate, rollout: Rollout, evidence: Evidence, context: JudgeContext): Verdict {
  const judged = judgeSource(gate, rollout, evidence, context);
  return {
    gate: gate.name,
    operator: gate.operator,
    threshold: gate.threshold,
    minSamples: 'minSamples' in gate ? gate.minSamples : 0,
    stageEpoch: rollout.stageEpoch,
    modelDigest: rollout.definition.digest,
    datasetDigest: gate.source === 'evaluation' || gate.source === 'comparison' ? rollout.definition.dataset : null,
    required: gate.required,
    dryRun: gate.dryRun,
    ...judged,
  };
}

function judgeSource(gate: Gate, rollout: Rollout, evidence: Evidence, context: JudgeContext): Judged {
  switch (gate.source) {
    case 'evaluation':
      return judgeEvaluation(gate, evidence);
    case 'comparison':
      return judgeComparison(gate, evidence);
    case 'telemetry':
      return judgeTelemetry(gate, rollout, evidence.telemetry, context);
    case 'incidents':
      return judgeIncidents(evidence, context);
    case 'rollback_test':
      return judgeRollbackTest(rollout, evidence);
  }
}

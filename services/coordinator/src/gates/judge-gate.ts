import { type Gate, knownGate, type RecordedGate, type Verdict } from '@conclave/contracts';
import type { Rollout } from '@conclave/core';
import type { Evidence } from './evidence.ts';
import { judgeComparison, judgeEvaluation } from './judge-offline.ts';
import { judgeIncidents, judgeRollbackTest } from './judge-safety.ts';
import { judgeTelemetry } from './judge-telemetry.ts';
import { type JudgeContext, type Judged, withoutValue } from './judged.ts';

/**
 * The verdict of one gate: a pure function of the gate, the rollout, the evidence and the time.
 * Missing, stale or mismatched evidence never passes, and neither does a gate of a later version.
 */
export function judgeGate(gate: RecordedGate, rollout: Rollout, evidence: Evidence, context: JudgeContext): Verdict {
  const known = knownGate(gate);
  const judged = known === undefined ? unknownGate(gate) : judgeSource(known, rollout, evidence, context);
  return {
    gate: gate.name,
    operator: gate.operator,
    threshold: gate.threshold,
    minSamples: gate.minSamples ?? 0,
    stageEpoch: rollout.stageEpoch,
    modelDigest: rollout.definition.digest,
    datasetDigest: gate.source === 'evaluation' || gate.source === 'comparison' ? rollout.definition.dataset : null,
    dryRun: gate.dryRun,
    ...judged,
  };
}

function unknownGate({ source, metric }: RecordedGate): Judged {
  return withoutValue(
    'error',
    source,
    `this coordinator cannot judge by source ${source}, metric ${metric}, as this gate asks for them: upgrade the coordinators`,
  );
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

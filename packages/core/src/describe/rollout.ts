import { type EventOfKind, shortDigest, type Verdict } from '@conclave/contracts';
import { bad, detail, good, info, type Said, sayTally, warn } from './said.ts';
import { describeVerdict } from './verdict.ts';
import { counted, cut, duration, milliseconds, percent, stageLabel } from './words.ts';

export function sayRollout(event: EventOfKind['rollouts'], model: string): Said | readonly Said[] {
  switch (event.type) {
    case 'rollout.leader_changed':
      return detail(`${model} is led by ${event.data.leader}, epoch ${event.data.leaderEpoch}`);
    case 'rollout.adopted':
      return info(
        `${model} ${event.data.version} (${shortDigest(event.data.digest)}) adopted as stable by ${event.data.by}`,
        '+',
      );
    case 'rollout.stable_serving':
      return info(`${model} ${event.data.version} is ready on ${event.data.runners.join(', ')}`);
    case 'rollout.forgotten':
      return warn(`${model} forgotten by ${event.data.by}: ${event.data.reason}; no runner serves it any more`);
    case 'rollout.applied': {
      const { definition: d, by } = event.data;
      const stages = d.stages.map((s) => stageLabel(s.name)).join(' -> ');
      return info(
        `rollout of ${model} ${d.version} (${shortDigest(d.digest)}) applied by ${by}: ${stages}, ${counted(d.gates.length, 'gate')}, authority ${d.authority}`,
        '+',
      );
    }
    case 'rollout.stage_entered': {
      const { stage, share, stageEpoch, requestedBy, earnedBy } = event.data;
      const asked = stage === 'shadow' ? 'mirrored traffic, asked share 0%' : `asked share ${percent(share)}`;
      const earned = earnedBy === undefined ? '' : `, earned by the vote of ${earnedBy.meetingId}`;
      const approved = earnedBy?.approvedBy === undefined ? '' : ` and the approval of ${earnedBy.approvedBy}`;
      return good(
        `${model} enters ${stageLabel(stage)}: ${asked}, epoch ${stageEpoch}, requested by ${requestedBy}${earned}${approved}`,
        '>',
      );
    }
    case 'rollout.stage_serving': {
      const { runners, stageEpoch, resumed } = event.data;
      const soak =
        resumed === undefined
          ? 'the soak begins'
          : `again after an interruption; ${duration(resumed.soakedSeconds)} of the soak stand`;
      return info(`${model} serves on ${runners.join(', ')} at epoch ${stageEpoch}; ${soak}`);
    }
    case 'rollout.traffic_seen':
      return detail(`${model}: the candidate has answered its first request of epoch ${event.data.stageEpoch}`);
    case 'rollout.verdict_changed':
      return sayVerdict(event.data.verdict);
    case 'rollout.voted':
      return [
        { ...sayTally(`${model}: meeting ${event.data.meetingId}`, event.data), level: 'detail' },
        ...(event.data.objections ?? []).map(({ role, reason, needs, until }) => {
          const wish = needs.length === 0 ? '' : `until ${needs.join(' and ')} succeeded again, or `;
          return warn(`${model}: ${role} objects ${wish}until ${until}: ${cut(reason)}`);
        }),
      ];
    case 'rollout.vote_lifted':
      return info(`${model}: the no_go of ${event.data.meetingId} is lifted: ${event.data.reason}`);
    case 'rollout.approved':
      return good(`${model} approved by ${event.data.by}: ${event.data.reason}`);
    case 'rollout.rejected':
      return bad(`${model} rejected by ${event.data.by}: ${event.data.reason}`);
    case 'rollout.gate_overridden':
      return warn(`${model}: gate ${event.data.gate} overridden by ${event.data.by}: ${event.data.reason}`);
    case 'rollout.held':
      return warn(`${model} held (${event.data.kind}) by ${event.data.by}: ${event.data.reason}`);
    case 'rollout.released':
      return info(`${model}: hold ${event.data.holdId} released by ${event.data.by}: ${event.data.reason}`);
    case 'rollout.stage_summarised': {
      const s = event.data.summary;
      const measured = s.measuredShare === null ? 'not measured' : `measured ${percent(s.measuredShare)}`;
      const p95 = s.latencyP95Ms === null ? '' : `, latency p95 ${milliseconds(s.latencyP95Ms)}`;
      return info(
        `${model} leaves ${stageLabel(s.stage)}: share asked ${percent(s.askedShare)}, ${measured}, ${counted(s.candidateRequests, 'request')}, ${counted(s.candidateErrors, 'error')}${p95}`,
      );
    }
    case 'rollout.aborted': {
      const { by, reason, verdict } = event.data;
      const because = verdict === undefined ? '' : ` (${describeVerdict(verdict)})`;
      return bad(`${model} rolled back by ${by}: ${reason}${because}; stable serves alone`);
    }
    case 'rollout.completed':
      return good(`${model} completed: the candidate is the new stable`);
    case 'rollout.reverted': {
      const { from, to, by, reason } = event.data;
      return bad(`${model} taken back from ${from.version} to ${to.version} by ${by}: ${reason}`);
    }
  }
}

function sayVerdict(verdict: Verdict): Said {
  const line = describeVerdict(verdict);
  const dry = verdict.dryRun ? ' (dry run)' : '';
  switch (verdict.outcome) {
    case 'pass':
      return good(`${line}${dry}`);
    case 'fail':
      return bad(`${line}: fail${dry}`);
    case 'pending':
    case 'running':
      return detail(`${line}${dry}`);
    case 'inconclusive':
    case 'error':
      return warn(`${line}: ${verdict.outcome}, ${verdict.sentence}${dry}`);
  }
}

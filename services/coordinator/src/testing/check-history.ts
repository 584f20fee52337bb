import assert from 'node:assert/strict';
import { type Commit, parseCommit, type RolloutEvent, STAGES, type StageName } from '@conclave/contracts';
import { RULES } from './simulation.ts';
import { SOAK_SECONDS } from './test-world.ts';

const GATES = ['ndcg@10', 'latency_p95_ms', 'slo_compliance', 'p0_incidents', 'rollback_test', 'no_loss_vs_stable'];

type MeetingEvents = ReturnType<typeof parseCommit<'meetings'>>['events'];
type Entered = Extract<RolloutEvent, { type: 'rollout.stage_entered' }>;

/**
 * The promises, checked over the bare history by other means than the code under test uses: every stage that was entered, and
 * every completion, must have everything behind it, read from the events since the stage before. Returns the number of advances.
 */
export function checkHistory(commits: readonly Commit[], authority: string): number {
  const events = commits
    .filter((c) => c.aggregate.kind === 'rollouts')
    .flatMap((c) => parseCommit('rollouts', c).events);
  const meetings = new Map(
    commits
      .filter((c) => c.aggregate.kind === 'meetings')
      .map((c) => [c.aggregate.id, parseCommit('meetings', c).events]),
  );
  let advances = 0;
  let ended = true;
  let stageStart = -1;
  let stage: StageName | undefined;
  const holds = new Set<string>();
  for (const [index, event] of events.entries()) {
    if (event.type === 'rollout.held') holds.add(event.data.holdId);
    if (event.type === 'rollout.released') holds.delete(event.data.holdId);
    if (event.type === 'rollout.aborted') ended = true;
    if (event.type === 'rollout.applied') {
      assert.ok(ended, 'one rollout is open at a time');
      ended = false;
      stage = undefined;
    }
    if (event.type !== 'rollout.stage_entered' && event.type !== 'rollout.completed') continue;
    assert.ok(!ended, 'nothing is entered or completed after the end');
    assert.equal(holds.size, 0, 'nothing is entered or completed under a hold');
    const since = events.slice(stageStart + 1, index);
    if (event.type === 'rollout.completed') {
      assert.equal(stage, STAGES.at(-1), 'every stage was entered before');
      assertStageEarned(since, event.at, stage);
      ended = true;
      continue;
    }
    const expected = stage === undefined ? STAGES[0] : STAGES[STAGES.indexOf(stage) + 1];
    assert.equal(event.data.stage, expected, 'stages are entered one at a time');
    if (stage !== undefined) {
      advances += 1;
      assert.notEqual(authority, 'observe', 'a rollout that only observes never advances');
      assertVoted(since, event, meetings, assertStageEarned(since, event.at, stage));
      if (authority === 'recommend') assertApproved(since);
    }
    stage = event.data.stage;
    stageStart = index;
  }
  return advances;
}

/** Runners were ready, the soak has elapsed, every gate passed; returns when the stage began to serve. */
function assertStageEarned(since: readonly RolloutEvent[], at: string, entered: StageName | undefined): string {
  const serving = since.find((e) => e.type === 'rollout.stage_serving');
  assert.ok(serving !== undefined, 'runners were ready');
  assert.ok(Date.parse(at) - Date.parse(serving.at) >= SOAK_SECONDS * 1000, 'the soak has elapsed');
  if (entered !== 'shadow')
    assert.ok(
      since.some((e) => e.type === 'rollout.traffic_seen'),
      'the candidate had answered a request',
    );
  const last = new Map<string, string>();
  const overridden = new Set<string>();
  for (const e of since) {
    if (e.type === 'rollout.verdict_changed') last.set(e.data.verdict.gate, e.data.verdict.outcome);
    // An override holds for the whole stage, whatever is measured afterwards.
    if (e.type === 'rollout.gate_overridden') overridden.add(e.data.gate);
  }
  for (const gate of GATES) {
    assert.ok(last.get(gate) === 'pass' || overridden.has(gate), `gate ${gate} had passed, it was ${last.get(gate)}`);
  }
  return serving.at;
}

function assertVoted(
  since: readonly RolloutEvent[],
  entered: Entered,
  meetings: ReadonlyMap<string, MeetingEvents>,
  servingAt: string,
): void {
  const voted = since.findLast((e) => e.type === 'rollout.voted');
  assert.ok(voted?.type === 'rollout.voted' && voted.data.decision === 'go', 'a meeting voted go');
  const { verdictSet, meetingId } = voted.data;
  assert.equal(verdictSet, entered.data.earnedBy?.verdictSet, 'on exactly the verdicts that earned the stage');
  const meeting = meetings.get(meetingId) ?? [];
  const [met] = meeting;
  assert.ok(
    met !== undefined && Date.parse(met.at) - Date.parse(servingAt) >= SOAK_SECONDS * 1000,
    'the meeting met after the soak',
  );
  const ballots = meeting.flatMap((e) =>
    e.type === 'meeting.turn_taken' ? (e.data.ballots ?? []).map((b) => ({ role: e.data.role, ...b })) : [],
  );
  const counted = ballots.filter((b) => b.verdictSet === verdictSet);
  const go = counted.filter((b) => b.vote === 'go').length;
  const no = counted.filter((b) => b.vote === 'no_go');
  assert.ok(
    counted.length >= RULES.quorum && go > no.length && !no.some((b) => b.role === 'critic'),
    'the ballots carry the vote',
  );
}

function assertApproved(since: readonly RolloutEvent[]): void {
  const lastChange = since.findLastIndex(
    (e) => e.type === 'rollout.verdict_changed' || e.type === 'rollout.gate_overridden',
  );
  const person = since
    .slice(lastChange + 1)
    .findLast((e) => e.type === 'rollout.approved' || e.type === 'rollout.rejected');
  assert.equal(person?.type, 'rollout.approved', 'a person approved these verdicts');
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { callApi, pushModel } from '@conclave/cli';
import { rollbackAnswer, STAGES } from '@conclave/contracts';
import { assertJournalSound } from '../fixtures/journal-invariants.ts';
import { eventually, startSystem } from '../fixtures/system.ts';
import { TINY_MODEL, tinyBundleDir } from '../fixtures/tiny-model.ts';

test('a good version earns production stage by stage, under traffic, without a failed request', async (t) => {
  const { given, when, expect, commits } = await startSystem(t);
  await given.adopted('1.0');
  const load = when.traffic(100);
  await when.applied('1.0');
  const rollout = await expect.ended('1.0');

  assert.equal(rollout.phase, 'completed', rollout.ended?.reason);
  assert.deepEqual(
    rollout.summaries.map((s) => s.stage),
    [...STAGES],
  );
  for (const { stage, askedShare, measuredShare, candidateRequests, candidateErrors, verdicts } of rollout.summaries) {
    assert.equal(candidateErrors, 0, `${stage} had errors`);
    assert.ok(
      verdicts.every((v) => v.outcome === 'pass'),
      `${stage}: ${JSON.stringify(verdicts.filter((v) => v.outcome !== 'pass'))}`,
    );
    if (stage === 'shadow') assert.equal(measuredShare, 0, 'shadow answers nobody');
    else {
      // Three standard errors of a binomial share, and a little for the 500 client keys it is drawn from.
      const tolerance = 3 * Math.sqrt((askedShare * (1 - askedShare)) / candidateRequests) + 0.05;
      assert.ok(
        measuredShare !== null && Math.abs(measuredShare - askedShare) <= tolerance,
        `${stage}: asked ${askedShare}, measured ${measuredShare}`,
      );
    }
  }
  assert.equal(load.counts.failed, 0, load.counts.lastFailure);
  assert.ok((load.counts.byVersion['1.0'] ?? 0) > 0 && (load.counts.byVersion['0.9'] ?? 0) > 0);
  assertJournalSound(await commits());
});

test('a version that answers wrongly is refused in shadow by its quality, and nobody ever got its answer', async (t) => {
  const { given, when, expect, bus, token } = await startSystem(t);
  await given.adopted();
  await pushModel(bus, await tinyBundleDir('1.1', { wrong: true }), { token });
  const load = when.traffic(50);
  await when.applied('1.1');
  const rollout = await expect.ended('1.1');
  assert.equal(rollout.phase, 'rolled_back');
  assert.ok(rollout.ended?.gate === 'ndcg@10' || rollout.ended?.gate === 'no_loss_vs_stable', rollout.ended?.reason);
  assert.equal(rollout.stage, 'shadow');
  assert.equal(load.counts.byVersion['1.1'], undefined);
  assert.equal(load.counts.failed, 0, load.counts.lastFailure);
});

test('an abort takes the traffic back at once, is idempotent, and the same version cannot sneak on', async (t) => {
  const { given, when, expect, bus, token } = await startSystem(t);
  await given.adopted('1.0');
  const load = when.traffic(100);
  await when.applied('1.0');
  await expect.stage('20_percent');
  const { runners, ...aborted } = rollbackAnswer.parse(await when.aborted('operator has doubts'));
  const { rolloutId } = await expect.ended('1.0');
  assert.deepEqual(aborted, { outcome: 'rolled_back', rolloutId, serving: '0.9' });
  assert.deepEqual(
    runners?.map(({ runner, answers }) => [runner, answers]),
    [['gpu-runner-0', '0.9']],
  );
  const before = load.counts.byVersion['1.0'] ?? 0;
  assert.equal((await expect.ended('1.0')).ended?.reason, 'operator has doubts');
  assert.deepEqual(Object(await when.aborted('again')).outcome, 'nothing_to_roll_back');
  const answer = await callApi(
    bus,
    'deploy',
    { model: TINY_MODEL, version: '1.0', stage: '50_percent', requestedBy: 'a stale action' },
    token,
  );
  assert.equal(Object(answer).outcome, 'not_eligible');
  const answeredThen = load.counts.answered;
  await eventually('500 more answers', async () => (load.counts.answered >= answeredThen + 500 ? true : undefined));
  // At most 200 requests can be under way, where a machine stood still; a fifth of them are the candidate's.
  assert.ok(
    (load.counts.byVersion['1.0'] ?? 0) - before <= 60,
    'only requests under way at the abort were answered by 1.0',
  );
  await expect.answersAlone('0.9');
  assert.equal(load.counts.failed, 0, load.counts.lastFailure);
});

import { type History, history } from '@conclave/histories';

/** People decide: a no_go that is lifted, a rejection and an approval, an override, a pause and a freeze, and a model that is given up. */
export function byHand(): History {
  const h = history({ start: '2026-03-16T08:00:00.000Z' });
  const recommend = { authority: 'recommend', soakSeconds: 600 } as const;
  h.elected(5).leaderChanged(5).registered().datasetRegistered().adopted().stableServing().applied(recommend);
  h.entered('shadow').wait(4).serving().wait(300);
  const resumed = { at: h.now.toISOString(), soakedSeconds: 120 };
  h.serving(['gpu-runner-1'], { resumed })
    .allPassed()
    .verdict('ndcg@10', 'fail', { value: 0.7, sentence: '0.700 stays below 0.72' });
  h.overridden('ndcg@10', 'the dataset has a typo')
    .held('pause', { holdId: 'pause', reason: 'lunch' })
    .wait(3600)
    .released('pause');
  const until = new Date(h.now.getTime() + 14_400_000).toISOString();
  const objections = [{ role: 'critic', reason: 'too few queries', needs: ['run_evaluation'], until }];
  h.voted('no_go', { meetingId: 'meeting-1-1', yes: ['moderator'], no: ['critic'], objections }).wait(600);
  h.evaluated(0.74, { id: 'offline-again' }).voteLifted('run_evaluation succeeded again').verdict('ndcg@10', 'pass');
  h.voted('go', { meetingId: 'meeting-2-1', yes: ['moderator', 'critic'] })
    .rejected('not before the holidays')
    .wait(86_400);
  h.approved('now').advanced('5_percent').wait(4).serving().held('freeze', { holdId: 'freeze', reason: 'quarter end' });
  h.allPassed().voted('go', { meetingId: 'meeting-3-1' }).aborted({ reason: 'the vendor goes' }).released('freeze');
  h.forgotten('no longer served')
    .about({ stable: '1.1', candidate: '2.0' })
    .registered(['2.0'])
    .adopted()
    .applied(recommend);
  return h;
}

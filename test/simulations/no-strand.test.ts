import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openRollout, standingOf } from '@conclave/core';
import fc from 'fast-check';
import { decideApproval } from '../../services/coordinator/src/rollout/approve.ts';
import { decidePause, decideResume } from '../../services/coordinator/src/rollout/pause.ts';
import { NO_MISHAPS, Office } from './office.ts';
import {
  abstains,
  misspells,
  plansLittle,
  plansNothing,
  sensible,
  vetoes,
  withoutModerator,
  withoutQuorum,
} from './teams.ts';

const TEAMS = [
  sensible,
  sensible,
  sensible,
  sensible,
  plansNothing,
  plansLittle,
  misspells,
  abstains,
  withoutModerator,
  withoutQuorum,
  vetoes([]),
  vetoes(['run_evaluation']),
  vetoes(['more_trust'], 1),
] as const;

/** A slot of five minutes, so that a day of slots is a few hundred steps. */
const PACE = {
  meetingIntervalSeconds: 300,
  heartbeatIntervalSeconds: 60,
  earlyMeetingGapSeconds: 30,
  meetingDeadlineSeconds: 100,
};
const STEP_SECONDS = 60;
/** Slots after which a sensible team must have brought a rollout to production, whatever happened before. */
const PATIENCE_SLOTS = 80;

const share = fc.constantFrom(0, 0, 0, 0, 0.3, 0.7);
const era = fc.record({
  team: fc.constantFrom(...TEAMS),
  steps: fc.integer({ min: 1, max: 20 }),
  meetingIsLost: share,
  planIsLost: share,
  actionFails: share,
  actionSeconds: fc.constantFrom(1, 60, 600, 1500),
  requests: fc.constantFrom(400, 400, 0),
  pause: fc.constantFrom('pause', 'resume', 'nothing', 'nothing', 'nothing' as const),
});

test('after 2,000 random histories with failing, silly, late and vetoing teams no rollout is stranded', () => {
  let advanced = 0;
  fc.assert(
    fc.property(
      fc.constantFrom('act' as const, 'recommend' as const),
      fc.array(era, { minLength: 1, maxLength: 5 }),
      fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })),
      (authority, eras, chance) => {
        const office = new Office(PACE, { authority });
        const happens = (p: number) => () => p > 0 && (chance.next().value ?? 1) < p;
        for (const { team, steps, pause, requests, actionSeconds, ...risks } of eras) {
          office.team = team;
          office.requests = requests;
          office.mishaps = {
            meetingIsLost: happens(risks.meetingIsLost),
            planIsLost: happens(risks.planIsLost),
            actionFails: happens(risks.actionFails),
            actionSeconds: () => actionSeconds,
          };
          const { t } = office;
          if (pause === 'pause') t.appendRollout(decidePause(t.state, 'wait', 'op', t.facts()));
          if (pause === 'resume') t.appendRollout(decideResume(t.state, 'go on', 'op', t.facts()));
          office.pass(steps * STEP_SECONDS, STEP_SECONDS);
        }
        if (openRollout(office.t.state)?.stage !== undefined) advanced++;
        assertNotStranded(office);
      },
    ),
    { numRuns: 2000 },
  );
  assert.ok(advanced > 400, `histories must get somewhere to mean something: ${advanced} of 2000 entered a stage`);
});

/** From here on everybody does what is theirs, and the rollout must reach production. */
function assertNotStranded(office: Office): void {
  const { t } = office;
  office.team = sensible;
  office.mishaps = NO_MISHAPS;
  office.requests = 400;
  t.appendRollout(decideResume(t.state, 'go on', 'op', t.facts()));
  const steps = (PATIENCE_SLOTS * PACE.meetingIntervalSeconds) / STEP_SECONDS;
  for (let step = 0; step < steps && openRollout(t.state) !== undefined; step++) {
    office.step(STEP_SECONDS);
    const rollout = openRollout(t.state);
    if (rollout === undefined) break;
    const standing = standingOf(t.world, t.state, rollout, t.now, 900);
    if (standing.for === 'other' && standing.wait.kind === 'person')
      t.appendRollout(decideApproval(t.state, true, 'seen', 'op', t.facts()));
  }
  const rollout = openRollout(t.state);
  const standing = rollout === undefined ? undefined : standingOf(t.world, t.state, rollout, t.now, 900);
  assert.equal(
    t.state.current?.phase,
    'completed',
    `stranded: ${JSON.stringify(standing)} ${t.state.current?.ended?.reason ?? ''}`,
  );
}

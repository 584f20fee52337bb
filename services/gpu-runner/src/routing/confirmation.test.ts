import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Confirmation } from './confirmation.ts';

const heard = (seq: number, leaderEpoch = 1) => ({ model: 'tiny', seq, leader: 'coordinator-0', leaderEpoch });

describe('confirmation of the desired state', () => {
  it('is absent until heard, and lapses after the timeout', () => {
    const confirmation = new Confirmation(5000);
    confirmation.applied(10, 0);
    assert.equal(confirmation.isConfirmed(0), false);
    confirmation.hear(heard(10), 1000);
    assert.equal(confirmation.isConfirmed(5999), true);
    assert.equal(confirmation.isConfirmed(6000), false);
  });

  it('ignores what an old leader says after a newer one', () => {
    const confirmation = new Confirmation(5000);
    confirmation.applied(12, 0);
    confirmation.hear(heard(12, 2), 0);
    confirmation.hear(heard(10, 1), 4000);
    confirmation.hear(heard(12, 1), 4000);
    assert.equal(confirmation.isConfirmed(5000), false);
  });

  it('ignores a sequence below its own', () => {
    const confirmation = new Confirmation(5000);
    confirmation.applied(12, 0);
    confirmation.hear(heard(11), 100);
    assert.equal(confirmation.isConfirmed(200), false);
  });

  it('does not take a higher sequence as a confirmation of its own, but counts it once caught up', () => {
    const confirmation = new Confirmation(5000);
    confirmation.applied(10, 0);
    confirmation.hear(heard(10), 0);
    for (let now = 1000; now <= 5000; now += 1000) confirmation.hear(heard(11), now);
    assert.equal(confirmation.isConfirmed(5001), false);
    confirmation.applied(11, 5002);
    assert.equal(confirmation.isConfirmed(5003), true);
  });

  it('stays confirmed when a new commit arrives before its confirmation', () => {
    const confirmation = new Confirmation(5000);
    confirmation.applied(10, 0);
    confirmation.hear(heard(10), 0);
    confirmation.applied(11, 500);
    assert.equal(confirmation.isConfirmed(600), true);
  });

  it('trusts nothing that was waiting while the process was frozen', () => {
    const confirmation = new Confirmation(5000);
    confirmation.applied(10, 0);
    confirmation.hear(heard(10), 0);
    const wokenAt = 60_000;
    confirmation.hear(heard(10), wokenAt);
    assert.equal(confirmation.isConfirmed(wokenAt), false);
    confirmation.hear(heard(10), wokenAt + 1000);
    assert.equal(confirmation.isConfirmed(wokenAt + 1001), true);
  });
});

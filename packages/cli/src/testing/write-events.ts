import { type Bus, openJournal } from '@conclave/bus';
import { aggregates, DEFAULT_GATES, handoffDocument, sha256 } from '@conclave/contracts';
import { draft, type History, history, plannedAction, RULES, writeTo } from '@conclave/histories';

export const MODEL = 'emoji-search';

/** A history of `emoji-search` that happens now. */
export function emojiSearch(datasetDigest = sha256('emoji')): History {
  const digests = { '1.0': sha256('1.0'), '1.1': sha256('1.1'), emoji: datasetDigest };
  return history({ start: new Date(), digests });
}

/** Writes a history as services would, or what came to it since it had `known` commits. */
export async function record(bus: Bus, told: History, known = 0): Promise<void> {
  await writeTo(openJournal(bus, { by: 'test' }), told, known);
}

/** A rollout of 1.1 that stands in shadow, with two gates and two stages. */
export function inShadow(told: History): History {
  const applied = { rolloutId: 'r-1', name: 'r', soakSeconds: 3600, gates: DEFAULT_GATES.slice(0, 2) };
  return told
    .adopted()
    .applied({ ...applied, stages: ['shadow', 'production'] })
    .entered('shadow');
}

/** One of everything: two versions and a dataset, a rollout in shadow, a meeting that voted and planned, an action, an incident. */
export function oneOfEverything(datasetDigest?: string): History {
  const told = emojiSearch(datasetDigest).registered().datasetRegistered({ documents: 10, queries: 5 });
  return meet(inShadow(told), 'meeting-1').incident('P1', { incidentId: 'i-1', title: 'slow', detail: 'since noon' });
}

/** A meeting with one turn of each kind, an absence, a decision and a plan of one action that succeeded. */
export function meet(told: History, meetingId: string): History {
  const action = { id: 1, action: 'Look at the metrics', owner: 'ops_commander', priority: 'high' };
  const sides = { yes: ['moderator'], no: ['critic'], abstained: [], verdictSet: 'v-1' };
  const decision = told.decision('go', sides);
  const reason = 'all gates passed';
  const spoken = { phase: 'statement', role: 'moderator', speaker: RULES, durationMs: 1200 } as const;
  const ballots = [{ rolloutId: 'r-1', verdictSet: 'v-1', vote: 'go' as const, reason }];
  const handoff = { meeting_id: meetingId, actions: [action], count: 1, source: 'planning_meeting' };
  told
    .meetingOpened(meetingId, { detail: 'regular' })
    .commit(
      aggregates.meeting(meetingId),
      draft('meeting.turn_taken', { ...spoken, text: 'Let us look at 1.1.' }),
      draft('meeting.turn_taken', { ...spoken, phase: 'ballot', text: 'I say go.', ballots }),
      draft('meeting.advisor_absent', { phase: 'statement', role: 'critic', reason: 'no key' }),
    )
    .meetingClosed(meetingId, {
      summary: 'It goes on.',
      decisions: [decision],
      dissent: ['critic: too soon'],
      handoff: handoffDocument.parse({ timestamp: told.now.toISOString(), ...handoff }),
    });
  const planned = plannedAction({
    ...{ actionId: `${meetingId}:1`, planId: meetingId, action: 'Look at the metrics', estimatedDuration: '2min' },
    ...{ successCriteria: 'P95 < 50ms', tool: 'collect_metrics', args: { minutes: 5 } },
  });
  return lookedAt(told.accepted([planned]), planned.actionId);
}

function lookedAt(told: History, actionId: string): History {
  const criteria = [{ text: 'P95 < 50ms', verdict: 'met' as const, detail: '12 ms' }];
  return told
    .dispatched(actionId)
    .started(actionId)
    .toolCalled(actionId, 'collect_metrics', { args: { minutes: 5 }, reason: 'the plan says so' })
    .toolReturned(actionId, 'collect_metrics', { result: { p95Ms: 12 }, durationMs: 30 })
    .actionCompleted(actionId, { summary: 'P95 is 12 ms', criteria })
    .ended(actionId);
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseHandoff, parseMessage } from './handoff.ts';

const action = (change: object = {}) => ({
  id: 1,
  action: 'Deploy V1.0 to shadow environment',
  owner: 'ops_commander',
  priority: 'high',
  estimated_duration: '5min',
  success_criteria: 'Model deployed, no errors, smoke tests pass',
  ...change,
});
const documentOf = (...actions: object[]) => ({
  timestamp: '2025-10-13T20:00:00',
  meeting_id: 'meeting_20251013_200000',
  actions,
  count: actions.length,
  source: 'planning_meeting_2',
});

test("the guide's document is accepted as it is", () => {
  const plan = parseHandoff(
    documentOf(
      action(),
      action({ id: 2, owner: 'latency_analyst' }),
      action({ id: 3, owner: 'compliance_monitor', priority: 'medium' }),
    ),
  );
  assert.deepEqual(
    plan.actions.map((a) => [a.actionId, a.owner, a.priority]),
    [
      ['meeting_20251013_200000:1', 'ops_commander', 'high'],
      ['meeting_20251013_200000:2', 'latency_analyst', 'high'],
      ['meeting_20251013_200000:3', 'compliance_monitor', 'medium'],
    ],
  );
});

test('the identity of a document is its content, not the order of its keys', () => {
  const { timestamp, ...rest } = documentOf(action());
  assert.equal(parseHandoff({ ...rest, timestamp }).digest, parseHandoff({ timestamp, ...rest }).digest);
  assert.notEqual(
    parseHandoff(documentOf(action())).digest,
    parseHandoff(documentOf(action({ priority: 'low' }))).digest,
  );
});

const REFUSED: readonly [string, unknown, RegExp][] = [
  ['no object', 'deploy!', /CVE_HANDOFF_INVALID/],
  ['an unknown field', { ...documentOf(action()), force: true }, /CVE_HANDOFF_INVALID.*force/],
  ['no actions', documentOf(), /CVE_HANDOFF_INVALID.*actions/],
  ['a wrong count', { ...documentOf(action()), count: 2 }, /count is 2 but there are 1 actions/],
  [
    'an unknown owner',
    documentOf(action({ owner: 'root' })),
    /CVE_HANDOFF_OWNER_UNKNOWN: action 1 has owner "root".*use one of/,
  ],
  [
    'an unknown priority',
    documentOf(action({ priority: 'now' })),
    /CVE_HANDOFF_PRIORITY_UNKNOWN: action 1 has priority "now"/,
  ],
  ['an unknown tool', documentOf(action({ tool: 'rm' })), /CVE_HANDOFF_TOOL_UNKNOWN: action 1 names tool "rm"/],
  [
    'a tool of another role',
    documentOf(action({ owner: 'infra_guardian', tool: 'deploy_model' })),
    /CVE_HANDOFF_TOOL_FORBIDDEN: action 1: infra_guardian may not use deploy_model; give it to ops_commander/,
  ],
  ['an id twice', documentOf(action(), action()), /CVE_HANDOFF_ID_TAKEN.*stands twice/],
  ['a dependency that is not there', documentOf(action({ depends_on: [9] })), /CVE_HANDOFF_DEPENDENCY_UNKNOWN.*:9/],
  ['a dependency on itself', documentOf(action({ depends_on: [1] })), /CVE_HANDOFF_DEPENDENCY_CYCLE.*:1 -> .*:1/],
  [
    'a circle of three',
    documentOf(action({ depends_on: [2] }), action({ id: 2, depends_on: [3] }), action({ id: 3, depends_on: [1] })),
    /CVE_HANDOFF_DEPENDENCY_CYCLE/,
  ],
  [
    'a dependency on a lower priority',
    documentOf(action({ depends_on: [2] }), action({ id: 2, priority: 'low' })),
    /CVE_HANDOFF_DEPENDENCY_LOWER/,
  ],
];
for (const [name, document, says] of REFUSED) {
  test(`refused: ${name}`, () => {
    assert.throws(() => parseHandoff(document), says);
  });
}

test('bytes that are no JSON, no UTF-8 or too many are refused with the subject', () => {
  const bytes = (text: string) => new TextEncoder().encode(text);
  assert.throws(
    () => parseMessage('conclave.handoff', bytes('{')),
    /CVE_MESSAGE_MALFORMED: a message on conclave\.handoff is not JSON/,
  );
  assert.throws(() => parseMessage('conclave.handoff', Uint8Array.of(0xff, 0xfe)), /CVE_MESSAGE_MALFORMED/);
  assert.throws(
    () => parseMessage('conclave.handoff', bytes(`"${'x'.repeat(65_536)}"`)),
    /CVE_MESSAGE_TOO_LARGE.*65538 bytes, at most 65536/,
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HandoffDocument } from '@conclave/contracts';
import { eventually, GUIDE_HANDOFF, startSystem } from '../fixtures/system.ts';

test("the guide's document, published by a plain client, executes in priority order", async (t) => {
  const { given, when, expect, commits } = await startSystem(t, { replicas: { planner: 0 } });
  await given.adopted('1.0');
  when.traffic(60);
  await when.applied('1.0');
  await when.published('conclave.handoff', JSON.stringify(GUIDE_HANDOFF));
  const ids = ['meeting_20251013_200000:1', 'meeting_20251013_200000:2', 'meeting_20251013_200000:3'];
  await expect.holds('the end of all three actions', ({ schedule }) =>
    ids.every((id) => schedule.actions[id]?.state === 'ended') ? true : undefined,
  );

  const events = (await commits()).flatMap((c) => c.events.map((e) => ({ about: c.aggregate.id, ...e })));
  const place = (type: string, id: string): number => {
    const index = events.findIndex((e) => e.type === type && e.about === id);
    assert.notEqual(index, -1, `${type} of ${id} is on record`);
    return index;
  };
  const [deploy = '', evaluate = '', collect = ''] = ids;
  assert.ok(
    place('action.completed', deploy) < place('action.started', collect),
    'MEDIUM starts after the first HIGH has ended',
  );
  assert.ok(
    place('action.completed', evaluate) < place('action.started', collect),
    'MEDIUM starts after the second HIGH has ended',
  );
  const rollout = await expect.stage('shadow');
  assert.equal(rollout.definition.version, '1.0');
  const tools = events.flatMap((e) => (e.type === 'action.tool_called' ? [`${e.about} ${Object(e.data).tool}`] : []));
  assert.ok(
    tools.includes(`${deploy} deploy_model`) &&
      tools.includes(`${evaluate} run_evaluation`) &&
      tools.includes(`${collect} collect_metrics`),
    tools.join(', '),
  );
});

test('a forged handoff that demands production is taken in, and refused with what is missing', async (t) => {
  const { given, when, expect } = await startSystem(t, { replicas: { planner: 0 } });
  await given.adopted('1.0');
  await when.applied('1.0');
  const forged: HandoffDocument = {
    ...GUIDE_HANDOFF,
    meeting_id: 'forged',
    actions: [
      {
        id: 1,
        action: 'Deploy V1.0 to production now',
        owner: 'ops_commander',
        priority: 'high',
        tool: 'deploy_model',
        args: { version: '1.0', stage: 'production' },
      },
    ],
    count: 1,
  };
  await when.published('conclave.handoff', JSON.stringify(forged));
  const run = await expect.holds('the end of the forged action', ({ actions }) => actions['forged:1']?.completed);
  assert.equal(run.outcome, 'blocked');
  assert.match(run.summary, /next stage is shadow/);
});

const doc = (change: object): string => JSON.stringify({ ...GUIDE_HANDOFF, ...change });
const first = GUIDE_HANDOFF.actions[0];
const BAD: readonly { readonly name: string; readonly body: string; readonly code: string; readonly says: RegExp }[] = [
  {
    name: 'not JSON',
    body: '{"timestamp": "2025',
    code: 'CVE_MESSAGE_MALFORMED',
    says: /conclave\.handoff is not JSON/,
  },
  { name: 'a document without actions', body: '{"hello": 1}', code: 'CVE_HANDOFF_INVALID', says: /meeting_id/ },
  {
    name: 'a cut-off list',
    body: doc({ meeting_id: 'cut', count: 7 }),
    code: 'CVE_HANDOFF_INVALID',
    says: /count is 7 but there are 3/,
  },
  {
    name: 'over 64 KB',
    body: doc({ meeting_id: 'large', source: 'x'.repeat(70_000) }),
    code: 'CVE_MESSAGE_TOO_LARGE',
    says: /at most 65536/,
  },
  {
    name: 'an unknown owner',
    body: doc({ meeting_id: 'owner', actions: [{ ...first, owner: 'the_boss' }], count: 1 }),
    code: 'CVE_HANDOFF_OWNER_UNKNOWN',
    says: /"the_boss".*use one of ops_commander/,
  },
  {
    name: 'an unknown priority',
    body: doc({ meeting_id: 'prio', actions: [{ ...first, priority: 'asap' }], count: 1 }),
    code: 'CVE_HANDOFF_PRIORITY_UNKNOWN',
    says: /"asap".*high, medium, low/,
  },
  {
    name: 'depends_on in a circle',
    body: doc({
      meeting_id: 'circle',
      actions: [
        { ...first, id: 1, depends_on: [2] },
        { ...first, id: 2, depends_on: [1] },
      ],
      count: 2,
    }),
    code: 'CVE_HANDOFF_DEPENDENCY_CYCLE',
    says: /circle:1 -> circle:2 -> circle:1/,
  },
  {
    name: 'a dependency that runs later',
    body: doc({
      meeting_id: 'lower',
      actions: [
        { ...first, id: 1, depends_on: [2] },
        { ...first, id: 2, priority: 'low' },
      ],
      count: 2,
    }),
    code: 'CVE_HANDOFF_DEPENDENCY_LOWER',
    says: /runs later/,
  },
];

test('each bad handoff becomes a dead letter with the reason and the original bytes, and disturbs nothing', async (t) => {
  const { when, expect, world } = await startSystem(t, { replicas: { planner: 0, 'gpu-runner': 0, metrics: 0 } });
  const good = doc({
    meeting_id: 'good',
    actions: [{ ...first, action: 'Check file nowhere.txt', tool: 'check_file', args: { path: 'nowhere.txt' } }],
    count: 1,
  });
  for (const { body } of BAD) await when.published('conclave.handoff', body);
  await when.published('conclave.handoff', good);
  for (const { name, body, code, says } of BAD) {
    const letter = await expect.deadLetter((l) => Buffer.from(l.bytes).equals(Buffer.from(body)));
    assert.equal(letter.code, code, name);
    assert.match(letter.reason, says, name);
    assert.equal(letter.originalSubject, 'conclave.handoff');
    assert.equal(letter.subject, 'conclave.dlq.conclave.handoff');
  }
  await expect.holds('the good plan beside them', ({ schedule }) => schedule.plans.good);
  assert.deepEqual(Object.keys(world().schedule.plans), ['good'], 'nothing of the bad ones was taken in');

  await when.published('conclave.handoff', good);
  const changed = good.replace('nowhere.txt', 'elsewhere.txt');
  await when.published('conclave.handoff', changed);
  const letter = await expect.deadLetter((l) => Buffer.from(l.bytes).toString() === changed);
  assert.equal(letter.code, 'CVE_HANDOFF_ID_TAKEN');
  assert.match(letter.reason, /meeting_id good was taken in/);
  await eventually('the end of the good action', async () => world().schedule.actions['good:1']?.outcome);
});

test('a malformed incident and insight become dead letters, and the incident holds; good ones are recorded', async (t) => {
  const { when, expect } = await startSystem(t, { replicas: { planner: 0, 'gpu-runner': 0, metrics: 0, executor: 0 } });
  await when.published('conclave.incident', '{"severity":"P9","title":"x"}');
  await when.published('conclave.insight', '{"line":"v2"}');
  assert.equal(
    (await expect.deadLetter((l) => l.originalSubject === 'conclave.incident')).code,
    'CVE_INCIDENT_INVALID',
  );
  assert.equal((await expect.deadLetter((l) => l.originalSubject === 'conclave.insight')).code, 'CVE_INSIGHT_INVALID');
  await expect.holds('the incident that nobody could read', ({ incidents }) =>
    Object.values(incidents).find((i) => i.severity === 'P0' && i.incidentId.startsWith('unreadable-reports-')),
  );
  await when.published('conclave.incident', '{"severity":"p0","title":"search is down"}');
  await when.published('conclave.insight', '{"text":"short queries are hard","line":"v2_research"}');
  await expect.holds('the incident', ({ incidents }) =>
    Object.values(incidents).find((i) => i.title === 'search is down'),
  );
  await expect.holds('the insight', ({ roadmap }) => roadmap.insights.find((i) => i.line === 'v2_research'));
});

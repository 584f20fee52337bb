import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Job, openJournal, openSeats, openWorkQueue } from '@conclave/bus';
import { startTestBus, until } from '@conclave/bus/testing';
import {
  agentConfig,
  aggregates,
  conclaveConfig,
  PLANNING_ROLES,
  parseCommit,
  parseHandoff,
  seatingReport,
  subjects,
} from '@conclave/contracts';
import { foldMeeting, initialMeeting } from '@conclave/core';
import { historyIn, meetingWork } from '@conclave/histories';
import { createHealth, createLog } from '@conclave/service';
import { startPlanner } from './planner.ts';

test('a called meeting is held with the rights of the planner, and its handoff reaches the coordinator', async () => {
  await using server = await startTestBus({ users: true });
  const coordinator = await server.connect('coordinator');
  const journal = openJournal(coordinator, { by: 'coordinator-0' });
  const work = meetingWork({ meetingId: 'meeting-1-1', deadline: new Date(Date.now() + 60_000).toISOString() });
  // Evaluations belong to another service: this history has none. The planner goes by the clock: the stage has soaked for an hour.
  const at = new Date(Date.now() - 3600_000).toISOString();
  for (const { aggregate, events } of historyIn().allPassed().commits)
    await journal.append(
      aggregate,
      'any',
      events.map((event) => ({ ...event, at })),
    );

  const bus = await server.connect('planner');
  const health = createHealth();
  const planner = await startPlanner(
    {
      bus,
      journal: openJournal(bus, { by: 'planner-0' }),
      config: conclaveConfig.parse({}),
      instance: 'planner-0',
      log: createLog({ name: 'planner', instance: 'planner-0', level: 'silent' }),
      health,
    },
    {},
  );
  const queue = openWorkQueue(coordinator);
  await queue.publish(subjects.workMeeting, work, { msgId: work.meetingId });
  // The planner waits for the call itself, however early the work message is.
  const call = { id: 'call-1', type: 'schedule.meeting_called', at: new Date().toISOString(), data: work };
  await journal.append(aggregates.schedule, 'any', [call]);

  const handoffs: Job[] = [];
  const inbox = queue.consume({
    stream: 'inbox',
    name: 'coordinator',
    filter: '>',
    concurrency: 1,
    handler: async (job) => {
      handoffs.push(job);
    },
  });
  const job = await until(() => handoffs[0], 'the handoff is in the inbox');
  const commits = await journal.read(aggregates.meeting(work.meetingId));
  const meeting = commits.reduce((m, c) => foldMeeting(m, parseCommit('meetings', c)), initialMeeting(work.meetingId));
  assert.equal(meeting.closed?.outcome, 'decided');
  assert.deepEqual(job.json(), meeting.closed.handoff);
  assert.equal(job.headers('ce-id'), work.meetingId);
  assert.equal(parseHandoff(job.json()).actions[0]?.tool, 'deploy_model');
  assert.equal(health.ready().ok, true, JSON.stringify(health.ready()));
  await inbox.stop();
  await planner.stop();
});

test('it tells who sits in its chairs and which keys would fill the others', async () => {
  await using server = await startTestBus({ users: true });
  const bus = await server.connect('planner');
  const chair = agentConfig.parse({
    adapter: 'anthropic',
    model: 'claude-opus',
    substitutes: [{ adapter: 'openai', model: 'gpt', baseUrl: 'http://127.0.0.1:9/v1' }],
  });
  const own = agentConfig.parse({ adapter: 'openai', model: 'qwen3', baseUrl: 'http://127.0.0.1:9/v1' });
  const noPrompt = { ...own, prompt: '/no/such/prompt.md' };
  const chairs = { moderator: { adapter: 'rules' }, pre_architect: noPrompt };
  const planningTeam = { ...Object.fromEntries(PLANNING_ROLES.map((role) => [role, chair])), ...chairs };
  const planner = await startPlanner(
    {
      bus,
      journal: openJournal(bus, { by: 'planner-0' }),
      config: conclaveConfig.parse({ planningTeam, meeting: { quorum: 3 } }),
      instance: 'planner-0',
      log: createLog({ name: 'planner', instance: 'planner-0', level: 'silent' }),
      health: createHealth(),
    },
    {},
  );
  const seats = openSeats(await server.connect('metrics'));
  const told = await until(async () => (await seats.all()).get('planner/planner-0'), 'it reports');
  const report = seatingReport.parse(told);
  assert.equal(report.quorum, 3);
  const [moderator, architect, analyst] = report.seats;
  assert.deepEqual([moderator?.state, moderator?.speaker.adapter], ['present', 'rules']);
  assert.equal(architect?.state, 'absent');
  assert.match(architect.reason, /prompt of pre_architect cannot be read/);
  assert.deepEqual([architect.wayOut, analyst?.state], ['correct planningTeam.pre_architect', 'absent']);
  await planner.stop();
  assert.equal((await seats.all()).size, 0);
});

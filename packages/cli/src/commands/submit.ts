import { readFileSync } from 'node:fs';
import {
  ConclaveError,
  handoffAnswer,
  incidentAnswer,
  messageOf,
  parseHandoff,
  parseIncident,
} from '@conclave/contracts';
import { oneLine } from '@conclave/core';
import type { Command } from 'commander';
import { z } from 'zod';
import { callApi } from '../api.ts';
import { style } from '../output/text.ts';
import type { WithSession } from '../session.ts';
import { done } from './operate.ts';
import { waitForPlan } from './wait-for-plan.ts';

/** Longest wait for a plan: more than a heartbeat's pace and an action's time of the default configuration. */
const WAIT_MS = 3_600_000;

/** What is handed in: plans and incidents. */
export function addSubmit(program: Command, withSession: WithSession): void {
  program
    .command('handoff')
    .argument('<file>', 'JSON document with meeting_id and actions')
    .option('--wait', 'stay until every action has ended, say how, and fail unless all succeeded')
    .description('hand a plan of actions to the executive team')
    .action(async (file: string, options: { wait?: boolean }) => {
      const document = readJson(file);
      parseHandoff(document);
      await withSession(async (session) => {
        const { bus, token, answer } = session;
        const { planId, accepted, actions } = handoffAnswer.parse(await callApi(bus, 'handoff', document, token));
        answer(
          { planId, accepted, actions },
          done(
            accepted === 'taken_in',
            `plan ${planId} taken in: ${actions} actions`,
            `plan ${planId} was taken in before`,
          ),
        );
        if (options.wait === true) await waitForPlan(session, planId, WAIT_MS);
      });
    });

  const incident = program
    .command('incident')
    .alias('incidents')
    .description('incidents; an open P0 holds every advance');
  incident
    .command('open')
    .argument('<title>')
    .requiredOption('--severity <P0|P1|P2|P3>', 'P0 holds every advance')
    .option('--model <model>', 'the model it concerns; all when left out')
    .option('--detail <text>', 'what is known about it')
    .option('--id <id>', 'the same id is the same incident')
    .description('open an incident')
    .action(async (title: string, options: { severity: string; model?: string; detail?: string; id?: string }) => {
      const { severity, model, detail, id } = options;
      const report = parseIncident({ severity, model, detail, id, title, source: 'operator' });
      await withSession(async ({ bus, token, answer }) => {
        const opened = incidentAnswer.parse(await callApi(bus, 'open_incident', report, token));
        const on = `${opened.severity}, on ${opened.model ?? 'all models'}`;
        const doubts = opened.doubts.map((doubt) => style('yellow', `  ! ${oneLine(doubt)}`));
        answer(opened, [done(true, `incident ${opened.incidentId} is open (${on})`, ''), ...doubts].join('\n'));
      });
    });
  incident
    .command('resolve')
    .argument('<id>')
    .requiredOption('--reason <text>', 'goes on record')
    .description('resolve an incident')
    .action(async (incidentId: string, { reason }: { reason: string }) => {
      await withSession(async ({ bus, token, answer }) => {
        const { changed } = z
          .object({ changed: z.boolean() })
          .parse(await callApi(bus, 'resolve_incident', { incidentId, reason }, token));
        answer(
          { incidentId, changed },
          done(changed, `incident ${incidentId} resolved`, `incident ${incidentId} was resolved before`),
        );
      });
    });
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new ConclaveError(
      'CVE_HANDOFF_INVALID',
      `${file} cannot be read as JSON (${messageOf(error)}); correct the path or the file`,
    );
  }
}

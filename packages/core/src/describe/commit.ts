import { type Commit, messageOf, parseCommit, type RawEvent } from '@conclave/contracts';
import { sayAction } from './action.ts';
import { sayEvaluation } from './evaluation.ts';
import { sayIncident } from './incident.ts';
import { sayMeeting } from './meeting.ts';
import { sayRegistry } from './registry.ts';
import { sayRollout } from './rollout.ts';
import { bad, type Description, info, type Said } from './said.ts';
import { saySchedule } from './schedule.ts';
import { cut, oneLine } from './words.ts';

/** One sentence or more for each event of a commit. An event that this version cannot read is said to be so; it never throws. */
export function describeCommit(commit: Commit): Description[] {
  const about = commit.aggregate.id;
  try {
    return sayCommit(commit).flatMap(({ event, said }) =>
      said.map((line) => ({ kind: event.type, at: event.at, about, ...line, text: oneLine(line.text) })),
    );
  } catch (error) {
    const [first] = commit.events;
    return [
      {
        kind: first?.type ?? 'unknown',
        at: first?.at ?? commit.storedAt,
        about,
        ...bad(oneLine(`commit ${commit.seq} cannot be read by this version: ${messageOf(error)}`)),
      },
    ];
  }
}

interface Sayable {
  readonly event: RawEvent;
  readonly said: readonly Said[];
}

function sayCommit(commit: Commit): Sayable[] {
  const { kind, id } = commit.aggregate;
  const each = <E extends RawEvent>(events: readonly E[], say: (event: E) => Said | readonly Said[]): Sayable[] =>
    events.map((event) => ({ event, said: [say(event)].flat() }));
  switch (kind) {
    case 'schedule':
      return each(parseCommit(kind, commit).events, saySchedule);
    case 'rollouts':
      return each(parseCommit(kind, commit).events, (event) => sayRollout(event, id));
    case 'meetings':
      return each(parseCommit(kind, commit).events, sayMeeting);
    case 'actions':
      return each(parseCommit(kind, commit).events, (event) => sayAction(event, id));
    case 'evaluations':
      return each(parseCommit(kind, commit).events, (event) => sayEvaluation(event, id));
    case 'incidents':
      return each(parseCommit(kind, commit).events, sayIncident);
    case 'models':
      return each(parseCommit(kind, commit).events, sayRegistry);
    case 'roadmap':
      return each(parseCommit(kind, commit).events, ({ data }) =>
        info(`insight (${data.line}): ${cut(data.text)}`, '+'),
      );
  }
}

import { TOOLS } from '../roles.ts';
import { knownGate, OFFLINE_METRICS } from '../rollout-definition.ts';
import { brief } from '../zod-message.ts';
import { SPEAKING_ADAPTERS, type Speaker } from './actions.ts';
import type { EventOfKind } from './event-of-kind.ts';

/*
 * Readers take names of tools, vendors and metrics as they come; writers may write those alone that they know, for a slip in one would
 * stand in the journal for ever.
 */

/** The names in an event that no writer of this version may write, each in words; empty when all are known. */
export function unknownNames(event: EventOfKind[keyof EventOfKind]): string[] {
  switch (event.type) {
    case 'action.started':
    case 'action.completed':
    case 'meeting.turn_taken':
      return ofSpeaker(event.data.speaker);
    case 'action.tool_called':
      return [...ofTool(event.data.tool), ...ofSpeaker(event.data.speaker)];
    case 'action.tool_returned':
      return ofTool(event.data.tool);
    case 'schedule.plan_accepted':
      return event.data.actions.flatMap(({ tool }) => ofTool(tool));
    case 'rollout.applied':
      return event.data.definition.gates.flatMap((gate) =>
        knownGate(gate) === undefined
          ? [`gate ${brief(gate.name)} of source ${brief(gate.source)} and metric ${brief(gate.metric)}`]
          : [],
      );
    case 'evaluation.completed': {
      const { result } = event.data;
      return result.kind === 'offline'
        ? Object.keys(result.metrics).flatMap((name) => among('metric', OFFLINE_METRICS, name))
        : [];
    }
    default:
      return [];
  }
}

function ofSpeaker(speaker: Speaker | undefined): string[] {
  return among('adapter', SPEAKING_ADAPTERS, speaker?.adapter);
}

function ofTool(tool: string | undefined): string[] {
  return among('tool', TOOLS, tool);
}

function among(what: string, known: readonly string[], name: string | undefined): string[] {
  return name === undefined || known.includes(name) ? [] : [`${what} ${brief(name)} (known are ${known.join(', ')})`];
}

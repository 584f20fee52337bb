import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  actionEvent,
  digestOf,
  evaluationEvent,
  incidentEvent,
  meetingEvent,
  modelEvent,
  roadmapEvent,
  rolloutEvent,
  scheduleEvent,
} from '@conclave/contracts';
import { initialWorld, WORLD_FOLD_VERSION } from './world.ts';

const EVENTS = [
  ...[scheduleEvent, rolloutEvent, meetingEvent, actionEvent],
  ...[evaluationEvent, incidentEvent, modelEvent, roadmapEvent],
];

/** The event types that the folds of a version read, and the parts of the world that they make. */
const OF_VERSION = {
  version: 9,
  types: 'sha256:e4ef133a1fc2afd1484ba847a602ffc814384881cdcb0f152a29ce3ae0d3456b',
  parts: 'sha256:8ab1552f060fcb66a48ade1c7d17342798e3bb76cd368dcb65b3a013a4b78b9c',
};

test('a new event type or part of the world raises the version of the fold: older snapshots have it as unread, or not at all', () => {
  const types = EVENTS.flatMap(({ options }) => options.map(({ shape }) => shape.type.value)).sort();
  assert.deepEqual(
    { version: WORLD_FOLD_VERSION, types: digestOf(types), parts: digestOf(initialWorld()) },
    OF_VERSION,
    'raise WORLD_FOLD_VERSION, then write the version and both digests down here',
  );
});

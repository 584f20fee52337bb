import type { ActionEvent } from './actions.ts';
import type { EvaluationEvent } from './evaluations.ts';
import type { MeetingEvent } from './meetings.ts';
import type { IncidentEvent, ModelEvent, RoadmapEvent } from './registry.ts';
import type { RolloutEvent } from './rollouts.ts';
import type { ScheduleEvent } from './schedule.ts';

export interface EventOfKind {
  schedule: ScheduleEvent;
  rollouts: RolloutEvent;
  meetings: MeetingEvent;
  actions: ActionEvent;
  evaluations: EvaluationEvent;
  incidents: IncidentEvent;
  models: ModelEvent;
  roadmap: RoadmapEvent;
}

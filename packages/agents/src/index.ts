export type { ChatAnswer, ChatMessage, ChatModel, ChatRequest, JsonSchema, Usage } from './chat-model.ts';
export { type Absent, createChatModel } from './create.ts';
export { FENCE_RULE, fenced } from './fenced.ts';
export { askLists, endpointsOf, type ModelList, type ModelLists } from './seats/ask-lists.ts';
export { type Endpoint, endpointOf, keyOf, nameOfEndpoint } from './seats/endpoint.ts';
export { listModels } from './seats/list-models.ts';
export {
  type Candidate,
  type CandidateState,
  canSpeak,
  planSeat,
  type SeatPlan,
  type SurveyedSeat,
  surveySeats,
  WARNING_DAYS,
} from './seats/plan-seat.ts';
export { type ListeningRoster, openRoster, type Roster } from './seats/roster.ts';
export { seatStatus } from './seats/seat-status.ts';
export { type Structured, structured } from './structured.ts';
export { tierOf } from './tiers.ts';
export { VENDORS, vendorOf } from './vendor-book.ts';
export type { ListedModel, ListOptions, Vendor } from './vendor-parts.ts';

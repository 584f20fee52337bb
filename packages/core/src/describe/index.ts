/*
 * Sentences for people: one vocabulary for terminal, status page and history. Pure; nothing here decides anything.
 */
export { describeCommit } from './commit.ts';
export { describeUnread, describeUnreadOf } from './describe-unread.ts';
export type { Description, Level } from './said.ts';
export {
  describeSeating,
  describeTeam,
  type SeatGroup,
  type SeatingDescription,
  seatingLines,
  seatingView,
} from './seating.ts';
export { describeThreshold, describeValue, describeVerdict, type Measure, measureOf } from './verdict.ts';
export { counted, duration, milliseconds, oneLine, outcomeIcon, percent, speakerLabel, stageLabel } from './words.ts';

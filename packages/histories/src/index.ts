export { RULES } from './actions.ts';
export { type Cast, digestFor } from './cast.ts';
export { type DataOf, type Draft, draft, type EventType } from './draft.ts';
export { estimate } from './evaluations.ts';
export { History, history, historyIn } from './history.ts';
export { at, HISTORY_START, type LedgerOptions } from './ledger.ts';
export { firstCommits } from './long/first-commits.ts';
export { meetingWork, plannedAction } from './schedule.ts';
export { type JournalPort, writeTo } from './write-to.ts';

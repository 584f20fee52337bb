export { longJournal } from './long-journal.ts';

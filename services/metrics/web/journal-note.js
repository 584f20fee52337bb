import { h } from './dom.js';

/** Messages of the journal that nobody who may write there has signed; nothing while there are none. */
export function quarantineNote(count) {
  if (!count) return [];
  const what =
    count === 1 ? '1 message in the journal does not count' : `${count} messages in the journal do not count`;
  return [
    h(
      'section',
      { class: 'note warn', 'data-key': 'quarantine', role: 'status', 'aria-label': 'Messages that do not count' },
      h('p', { class: 'headline' }, what),
      h(
        'p',
        null,
        'Unsigned or forged: everybody passes over them. An incident names them; the originals: conclave dlq list',
      ),
    ),
  ];
}

/** What this version could not read of the journal, and whom to upgrade; nothing while it could read all. */
export function unreadNote(unread) {
  if (!unread || unread.length === 0) return [];
  return [
    h(
      'section',
      { class: 'note bad', 'data-key': 'unread', role: 'status', 'aria-label': 'Journal' },
      h('p', { class: 'headline' }, 'The journal has events of a later version'),
      h(
        'ul',
        null,
        unread.map((line) => h('li', { 'data-key': line }, line)),
      ),
    ),
  ];
}

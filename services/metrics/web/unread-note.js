import { h } from './dom.js';

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

import { h } from './dom.js';
import { words } from './format.js';

/** Who is absent and why, loud as long as it is so; nothing while everybody sits in their own chair. */
export function seatingNote(seating) {
  if (!seating || seating.level === 'good') return [];
  const { level, headline, cannotDecide, groups, warnings, waysOut } = seating;
  return [
    h(
      'section',
      { class: `note seating ${level}`, 'data-key': 'seating', role: 'status', 'aria-label': 'Agents' },
      h('p', { class: 'headline' }, headline),
      (groups.length > 0 || warnings.length > 0) &&
        h(
          'ul',
          null,
          groups.map(groupPart),
          warnings.map((warning) => h('li', { 'data-key': warning }, warning)),
        ),
      (level === 'bad' || waysOut.length > 0) &&
        h(
          'p',
          null,
          cannotDecide !== null && h('strong', null, 'Nothing advances; rollbacks work. '),
          waysOut.length > 0 && `${sentence(waysOut)} `,
          'See ',
          h('code', null, './conclave doctor'),
          '.',
        ),
    ),
  ];
}

function groupPart({ state, who, reason }) {
  return h(
    'li',
    { 'data-key': `${state} ${reason}` },
    h(
      'span',
      { class: `chip ${state === 'absent' ? 'fail' : 'inconclusive'}` },
      state === 'absent' ? '✗ absent' : '~ substituted',
    ),
    h('span', null, h('strong', null, words(who)), `: ${reason}`),
  );
}

/** `Set A, or set B.` */
function sentence(ways) {
  const text = ways.join('; ');
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

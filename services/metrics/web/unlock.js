import { h } from './dom.js';

/** Asks for the token of the service. */
export function unlockCard({ given }) {
  return h(
    'form',
    { class: 'card unlock', 'data-key': 'unlock', 'data-do': 'unlock' },
    h('h2', null, 'This page needs a token'),
    h(
      'p',
      { class: 'muted' },
      'The service was started with ',
      h('code', null, 'CONCLAVE_HTTP_TOKEN'),
      '. What you give is kept until this tab is closed.',
    ),
    given && h('p', { class: 'note bad', role: 'alert' }, 'The service refused that token.'),
    h(
      'p',
      { class: 'unlock-row' },
      h('input', { type: 'password', 'aria-label': 'Token', autocomplete: 'off', required: true }),
      h('button', { type: 'submit' }, 'Show the page'),
    ),
  );
}

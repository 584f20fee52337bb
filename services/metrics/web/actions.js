import { h } from './dom.js';
import { ago, words } from './format.js';

const STATES = {
  waiting: ['pending', '· waiting'],
  dispatched: ['running', '… dispatched'],
  running: ['running', '… running'],
  succeeded: ['pass', '✓ succeeded'],
  failed: ['fail', '✗ failed'],
  blocked: ['inconclusive', '! blocked'],
  uncertain: ['inconclusive', '? uncertain'],
  superseded: ['pending', '· superseded'],
};
const FIRST_SHOWN = 6;

export function actionsCard(actions, state) {
  const open = actions.filter((a) => ['waiting', 'dispatched', 'running'].includes(a.state)).length;
  return h(
    'section',
    { class: 'card', 'data-key': 'actions', 'aria-labelledby': 'actions' },
    h(
      'header',
      { class: 'card-head' },
      h('h2', { id: 'actions' }, 'Actions'),
      h('span', { class: 'spring' }),
      h('span', { class: 'muted' }, actions.length === 0 ? '' : `${open} open, ${actions.length - open} ended`),
    ),
    actions.length === 0
      ? h(
          'p',
          { class: 'muted' },
          'No plan has been handed off yet. A meeting does that, or ',
          h('code', null, 'conclave handoff plan.json'),
          '.',
        )
      : h(
          'div',
          { class: 'board' },
          ['high', 'medium', 'low'].map((priority) =>
            column(
              priority,
              actions.filter((a) => a.priority === priority),
              state,
            ),
          ),
        ),
  );
}

function column(priority, actions, state) {
  const isOpen = (a) => (['waiting', 'dispatched', 'running'].includes(a.state) ? 0 : 1);
  const sorted = actions.toSorted((a, b) => isOpen(a) - isOpen(b));
  const rest = sorted.slice(FIRST_SHOWN);
  return h(
    'section',
    { class: 'column', 'data-key': priority, 'aria-label': `${priority} priority` },
    h(
      'h3',
      null,
      h('span', { class: `priority ${priority}` }, priority.toUpperCase()),
      h('span', { class: 'muted' }, String(actions.length)),
    ),
    actions.length === 0 && h('p', { class: 'muted' }, 'none'),
    h(
      'ul',
      null,
      sorted.slice(0, FIRST_SHOWN).map((action) => actionPart(action, state)),
    ),
    rest.length > 0 &&
      h(
        'details',
        { 'data-key': `rest-${priority}` },
        h('summary', null, `${rest.length} more`),
        h(
          'ul',
          null,
          rest.map((action) => actionPart(action, state)),
        ),
      ),
  );
}

function actionPart(action, state) {
  const [className, label] = STATES[action.state] ?? ['pending', action.state];
  const unmet = action.criteria.filter((c) => c.verdict !== 'met');
  return h(
    'li',
    {
      class: 'action',
      'data-key': action.actionId,
      title: [
        action.actionId,
        action.successCriteria && `Success: ${action.successCriteria}`,
        ...action.criteria.map((c) => `${c.verdict}: ${c.text}`),
      ]
        .filter(Boolean)
        .join('\n'),
    },
    h('p', { class: 'action-text' }, action.action),
    h(
      'p',
      { class: 'action-meta' },
      h('span', { class: `chip ${className}` }, label),
      h('span', null, words(action.owner)),
      action.tool && h('code', null, action.tool),
      action.endedAt && h('time', { datetime: action.endedAt }, ago(action.endedAt, state.now)),
    ),
    action.summary && (action.state !== 'succeeded' || unmet.length > 0) && h('p', { class: 'muted' }, action.summary),
  );
}

import {
  type LiveGates,
  type RecordedGate,
  type RunnerStatus,
  shareOf,
  shortDigest,
  type Verdict,
  type VerdictOutcome,
} from '@conclave/contracts';
import {
  awaitedOfPerson,
  describeServing,
  describeVerdict,
  duration,
  type GatesNow,
  gatesNow,
  holdSentences,
  isEnded,
  missingNow,
  nextStage,
  oneLine,
  openRollout,
  outcomeIcon,
  percent,
  type Rollout,
  type RolloutsState,
  type Seating,
  servingOf,
  soakSecondsLeft,
  soakSecondsOf,
  stageLabel,
  withSeating,
} from '@conclave/core';
import { bold, columns, dim, style, when } from './text.ts';

type Format = Parameters<typeof style>[0];
const COLOURS: Readonly<Record<VerdictOutcome, Format>> = {
  pass: 'green',
  fail: 'red',
  inconclusive: 'yellow',
  error: 'yellow',
  running: 'cyan',
  pending: 'dim',
};

/** `shadow > 5% > [20%] > 50% > production` */
export function stageLine(rollout: Rollout): string {
  const names = rollout.definition.stages.map((s) => s.name);
  const place = rollout.stage === undefined ? -1 : names.indexOf(rollout.stage);
  const label = (index: number, text: string): string =>
    index < place ? style('green', text) : index === place ? bold(`[${text}]`) : dim(text);
  return names.map((name, index) => label(index, stageLabel(name))).join(dim(' > '));
}

function gateLine(rollout: Rollout, gate: RecordedGate, gates: GatesNow): string {
  const verdict = gates.verdictOf(gate.name);
  const outcome = verdict?.outcome ?? 'pending';
  const line = verdict === undefined ? `${gate.name} not measured in this stage` : describeVerdict(verdict, gate);
  const marks = [outcome === 'pass' || outcome === 'pending' ? '' : outcome, gate.dryRun ? 'dry run' : ''];
  const override = rollout.overrides[gate.name];
  if (override !== undefined) marks.push(oneLine(`overridden by ${override.by}: ${override.reason}`));
  const shown = marks.filter((mark) => mark !== '').join(', ');
  return `${style(COLOURS[outcome], outcomeIcon(outcome))} ${line}${shown === '' ? '' : style(COLOURS[outcome], `  ${shown}`)}`;
}

/** What the journal does not know: what the leader and the runners say now. */
interface Present {
  readonly live: LiveGates | undefined;
  readonly runners: readonly RunnerStatus[];
}

/** A model in a few lines, for `status`. */
export function rolloutSummary(state: RolloutsState, { live, runners }: Present, now: Date): string {
  const rollout = openRollout(state);
  const stable = state.stable === undefined ? 'no stable version' : `stable ${state.stable.version}`;
  const head = `${bold(state.model)}  ${dim(stable)}`;
  const served = notServedLines(state, runners);
  const holds = holdLines(state, now);
  if (rollout === undefined) {
    const last = state.current;
    return [
      head,
      ...served,
      ...(last === undefined ? [dim('  no rollout yet')] : [`  ${endLine(last)}`]),
      ...holds,
    ].join('\n');
  }
  const gates = gatesNow(rollout, live, now);
  const deciding = rollout.definition.gates.filter((g) => !g.dryRun);
  const passed = deciding.filter(
    (g) => rollout.verdicts[g.name]?.outcome === 'pass' || rollout.overrides[g.name] !== undefined,
  ).length;
  return [
    head,
    ...served,
    columns(
      [
        ['candidate', `${rollout.definition.version} ${dim(shortDigest(rollout.definition.digest))}`],
        ['stage', `${stageLine(rollout)}  ${dim(`epoch ${rollout.stageEpoch}`)}`],
        ['soak', soakText(rollout, now)],
        ['gates', `${passed} of ${deciding.length} passed${dim(asOf(gates))}`],
      ],
      '  ',
    ),
    ...deciding
      .filter((g) => gates.verdictOf(g.name)?.outcome !== 'pass' && rollout.overrides[g.name] === undefined)
      .map((gate) => `    ${gateLine(rollout, gate, gates)}${whyNot(gates.verdictOf(gate.name))}`),
    ...awaitedLines(state, rollout, now),
    ...(awaitedOfPerson(state, rollout, now).length > 0 && holds.length > 0 ? [] : holds),
  ].join('\n');
}

/** What runners do that do not serve the stable version; none while all is as it should be. */
function notServedLines(state: RolloutsState, runners: readonly RunnerStatus[]): string[] {
  const { stable } = state;
  if (stable === undefined) return [];
  const not = servingOf(state, runners).filter((one) => one.state !== 'serving');
  const isBroken = not.some((one) => one.state === 'failed');
  return describeServing(not, stable.version).map((line) => style(isBroken ? 'red' : 'yellow', `  ${oneLine(line)}`));
}

function servedText(state: RolloutsState, runners: readonly RunnerStatus[]): string[][] {
  if (state.stable === undefined) return [];
  const there = servingOf(state, runners);
  const serving = there.filter((one) => one.state === 'serving').map(({ runner }) => runner);
  const never = state.stable.servedAt === undefined ? style('yellow', ' (it has never served)') : '';
  const nobody = there.length === 0 ? 'nobody: no serving runner reports itself' : 'nobody';
  return [['served by', `${serving.length === 0 ? style('red', nobody) : serving.join(', ')}${never}`]];
}

function splitText(split: LiveGates['split']): string[][] {
  if (split === undefined || split === null || split.measured === null) return [];
  const { measured, candidateRequests, stableRequests, sentences } = split;
  return [
    ['measured', `${percent(measured)}, ${candidateRequests} of ${candidateRequests + stableRequests} live requests`],
    ...sentences.map((sentence) => ['', style('yellow', oneLine(sentence))]),
  ];
}

function holdLines(state: RolloutsState, now: Date): string[] {
  return holdSentences(state, now).map((hold) => style('yellow', `  ${oneLine(hold)}`));
}

/** What a gate that has not passed says of itself, where its figures do not say it. */
function whyNot(verdict: Verdict | undefined): string {
  return verdict === undefined || verdict.outcome === 'fail' ? '' : dim(`  ${oneLine(verdict.sentence)}`);
}

/** Where no leader tells how the gates stand, their last transitions are shown, and that is said. */
function asOf(gates: GatesNow): string {
  return gates.at === undefined ? '  as last recorded; no leader tells the figures of now' : '';
}

function awaitedLines(state: RolloutsState, rollout: Rollout, now: Date): string[] {
  return awaitedOfPerson(state, rollout, now).map(
    ({ sentence, command }) => `  ${bold(style('yellow', `waits for you: ${command}`))}  ${dim(oneLine(sentence))}`,
  );
}

/** What the journal does not know of a rollout. */
export interface Surroundings extends Present {
  readonly seating: Seating;
}

/** Why a model is where it is, for `explain`. */
export function rolloutExplanation(state: RolloutsState, { live, seating, runners }: Surroundings, now: Date): string {
  const open = openRollout(state);
  const rollout = open ?? state.current;
  const stable =
    state.stable === undefined
      ? 'nothing serves'
      : `${state.stable.version} ${dim(shortDigest(state.stable.digest))} since ${when(state.stable.since)}`;
  const lines = [bold(state.model)];
  if (rollout === undefined)
    return [
      ...lines,
      columns([['stable', stable], ...servedText(state, runners)], '  '),
      ...notServedLines(state, runners),
      '',
      '  no rollout yet; apply one: conclave apply -f rollout.yaml',
      ...holdLines(state, now),
    ].join('\n');
  const { definition } = rollout;
  const gates = gatesNow(rollout, open === undefined ? undefined : live, now);
  lines.push(
    columns(
      [
        ['stable', stable],
        ...servedText(state, runners),
        ['rollout', `${rollout.rolloutId}, applied by ${rollout.appliedBy} at ${when(rollout.appliedAt)}`],
        [
          'candidate',
          `${definition.version} ${dim(shortDigest(definition.digest))}, dataset ${definition.datasetName} ${dim(shortDigest(definition.dataset))}`,
        ],
        ['authority', definition.authority],
        ['stage', `${stageLine(rollout)}  ${dim(`epoch ${rollout.stageEpoch}`)}`],
        ...(open === undefined
          ? []
          : [
              [
                'asked',
                rollout.stage === undefined ? 'nothing yet' : `${percent(shareOf(rollout.stage))} of live traffic`,
              ],
              ...splitText(live?.split),
              ['soak', soakText(rollout, now)],
            ]),
      ],
      '  ',
    ),
    ...notServedLines(state, runners),
    '',
    `${bold('  Gates')}${open === undefined ? '' : dim(asOf(gates))}`,
    ...definition.gates.map((gate) => `  ${gateLine(rollout, gate, gates)}`),
    '',
    bold('  Votes'),
    `  ${voteText(rollout)}`,
  );
  if (rollout.approval !== undefined)
    lines.push(
      `  ${oneLine(`${rollout.approval.approved ? 'approved' : 'rejected'} by ${rollout.approval.by}: ${rollout.approval.reason}`)}`,
    );
  if (open === undefined)
    lines.push(
      '',
      `  ${endLine(rollout)}`,
      ...holdSentences(state, now).map((h) => style('yellow', `  ${oneLine(h)}`)),
    );
  else lines.push('', missingText(state, open, { gates, seating }, now), ...awaitedLines(state, open, now));
  return lines.join('\n');
}

function missingText(
  state: RolloutsState,
  rollout: Rollout,
  { gates, seating }: { gates: GatesNow; seating: Seating },
  now: Date,
): string {
  const next = nextStage(rollout);
  const goal = next === undefined ? 'completion' : stageLabel(next);
  const missing = withSeating(missingNow(state, rollout, gates, now), rollout, seating);
  if (missing.length === 0) return style('green', `  Nothing is missing for ${goal}: the step only has to be taken.`);
  return [bold(`  Missing for ${goal}`), ...missing.map((line) => `  ${style('yellow', '-')} ${oneLine(line)}`)].join(
    '\n',
  );
}

function voteText({ vote }: Rollout): string {
  if (vote === undefined) return dim('no meeting has voted in this stage yet');
  const names = (label: string, roles: readonly string[]): string[] =>
    roles.length === 0 ? [] : [`${label}: ${roles.join(', ')}`];
  const decision = vote.decision === 'go' ? style('green', 'go') : style('red', 'no-go');
  return `${decision} in ${vote.meetingId}  ${[...names('yes', vote.yes), ...names('no', vote.no), ...names('abstained', vote.abstained)].join('; ')}`;
}

function soakText(rollout: Rollout, now: Date): string {
  if (rollout.servingSince === undefined)
    return rollout.stage === undefined ? 'not started' : 'waiting for the runners';
  const left = soakSecondsLeft(rollout, now);
  const whole = duration(soakSecondsOf(rollout));
  return left === 0 ? `done (${whole})` : `${duration(left)} left of ${whole}`;
}

function endLine(rollout: Rollout): string {
  const { ended, definition } = rollout;
  if (!isEnded(rollout) || ended === undefined) return '';
  if (rollout.phase === 'completed')
    return style('green', `${definition.version} completed at ${when(ended.at)}: every stage earned`);
  const stage = rollout.stage === undefined ? '' : ` in ${stageLabel(rollout.stage)}`;
  const gate = ended.verdict === undefined ? '' : `\n  ${style('red', '✗')} ${describeVerdict(ended.verdict)}`;
  return `${style('red', `${definition.version} rolled back${stage} at ${when(ended.at)} by ${ended.by}`)}: ${oneLine(ended.reason)}${gate}`;
}

/** One change that makes the product wrong, and the tests that must notice. */
export interface Mutant {
  /** The rule that is broken. */
  readonly rule: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
  /** Files or folders of tests. */
  readonly tests: readonly string[];
}

const ELIGIBILITY = 'packages/core/src/eligibility.ts';
const PROMISES = ['packages/core/src/eligibility.test.ts', 'services/coordinator/src/rollout/promises.test.ts'];
const BREACH = 'services/coordinator/src/gates/judge-telemetry.ts';
const JUDGE = ['services/coordinator/src/gates'];
const BOOK = 'services/coordinator/src/leader/telemetry-book.ts';
const LEADER = ['services/coordinator/src/leader/telemetry-book.test.ts'];
const SCHEDULE = ['services/coordinator/src/schedule'];
const CONFIRMATION = 'services/gpu-runner/src/routing/confirmation.ts';
const NEEDED = 'packages/core/src/folds/needed.ts';
const FOLDS = ['packages/core/src/folds'];
const ADMISSION = 'packages/bus/src/signing/admission.ts';
const SIGNED = ['packages/bus/src/signing', 'packages/bus/src/commits'];

const mutant = (rule: string, file: string, from: string, to: string, tests: readonly string[]): Mutant => ({
  rule,
  file,
  from,
  to,
  tests,
});

/** What decides over traffic, who gets work when, what is kept, and what counts. */
export const MUTANTS: readonly Mutant[] = [
  mutant(
    'next stage: runners and soak',
    ELIGIBILITY,
    '    ...sentences(missingReadiness(rollout, now)),\n',
    '',
    PROMISES,
  ),
  mutant(
    'next stage: users have sent requests',
    ELIGIBILITY,
    '    ...sentences(missingTraffic(rollout)),\n',
    '',
    PROMISES,
  ),
  mutant('next stage: gates', ELIGIBILITY, '    ...sentences(missingGates(rollout)),\n', '', PROMISES),
  mutant('in the stage: runners and soak', ELIGIBILITY, '    ...missingReadiness(rollout, now),\n', '', PROMISES),
  mutant('in the stage: users have sent requests', ELIGIBILITY, '    ...missingTraffic(rollout),\n', '', PROMISES),
  mutant('in the stage: gates', ELIGIBILITY, '    ...missingGates(rollout),\n', '', PROMISES),
  mutant('in the stage: holds', ELIGIBILITY, '    ...standingHolds(state),\n', '', PROMISES),
  mutant('eligibility: a vote', ELIGIBILITY, '    ...missingVote(rollout),\n', '', PROMISES),
  mutant('eligibility: an approval', ELIGIBILITY, '    ...missingApproval(rollout),\n', '', PROMISES),
  mutant(
    'eligibility: a vote on these verdicts',
    ELIGIBILITY,
    'if (vote.verdictSet === verdictSetOf(rollout)) return vote;',
    'if (vote.verdictSet !== "") return vote;',
    PROMISES,
  ),
  mutant('eligibility: the whole soak', ELIGIBILITY, 'if (left === 0) return [];', 'if (left < 5) return [];', [
    ...PROMISES,
    'packages/core/src',
  ]),
  mutant('breach: beyond doubt', BREACH, 'estimateOf(gate, total, BREACH_Z)', 'estimateOf(gate, total, 0)', JUDGE),
  mutant(
    'breach: a block, by its own limit',
    BREACH,
    'estimateOf(gate, block, BLOCK_Z)',
    'estimateOf(gate, block, 0)',
    JUDGE,
  ),
  mutant(
    'breach: as many blocks in a row as the gate says',
    BREACH,
    'recent.length === gate.consecutiveFailures &&',
    'recent.length > 0 &&',
    JUDGE,
  ),
  mutant('breach: least samples', BREACH, 'if (samples < gate.minSamples) {', 'if (samples < 1) {', JUDGE),
  mutant(
    'breach: old evidence',
    BREACH,
    'if (ageSeconds > context.evidenceMaxAgeSeconds) {',
    'if (ageSeconds > 10 * context.evidenceMaxAgeSeconds) {',
    JUDGE,
  ),
  mutant(
    'evidence: only since every runner served',
    BOOK,
    "return Date.parse(window.from) < Date.parse(firstServedAt) ? 'elsewhere' : rollout;",
    'return rollout;',
    LEADER,
  ),
  mutant(
    'dispatch: an attempt counts from its own start',
    'packages/core/src/folds/schedule-index.ts',
    'run.lastStartedAt ?? run.startedAt ?? null',
    'run.startedAt ?? null',
    SCHEDULE,
  ),
  mutant(
    'dispatch: lost work waits from its dispatch',
    'services/coordinator/src/leader/schedule-loop.ts',
    'Date.parse(action.dispatchedAt ?? action.acceptedAt)',
    'Date.parse(action.acceptedAt)',
    SCHEDULE,
  ),
  mutant(
    'dispatch: each further attempt waits twice as long',
    'services/coordinator/src/leader/schedule-loop.ts',
    '2 ** Math.min(action.attempt - 1, 20)',
    '1',
    SCHEDULE,
  ),
  mutant(
    'confirmation: of exactly the sequence that was applied',
    CONFIRMATION,
    'if (seq === this.#ownSeq) this.#confirmedAt = now;',
    'this.#confirmedAt = now;',
    ['services/gpu-runner/src/routing'],
  ),
  mutant(
    'confirmation: none from a leader of the past',
    CONFIRMATION,
    'seq < this.#highestSeq || leaderEpoch < this.#highestEpoch || ',
    '',
    ['services/gpu-runner/src/routing'],
  ),
  mutant(
    'ageing: what waits rises',
    'services/coordinator/src/schedule/heartbeat.ts',
    'PRIORITIES.indexOf(level) - raised',
    'PRIORITIES.indexOf(level)',
    SCHEDULE,
  ),
  mutant(
    'kept: evidence of this bundle on this dataset',
    NEEDED,
    'request.digest === rollout.definition.digest && request.dataset === rollout.definition.dataset',
    'false',
    FOLDS,
  ),
  mutant(
    'kept: rollback tests of this stage epoch',
    NEEDED,
    'request.rolloutId === rollout.rolloutId && request.stageEpoch === rollout.stageEpoch',
    'false',
    FOLDS,
  ),
  mutant('kept: actions that have not ended', NEEDED, 'if (isUnfinished(world, id)) needed.add(id);', '', FOLDS),
  mutant(
    'counts: a commit in its place only',
    ADMISSION,
    'if (before !== undefined && before !== expectedSeq)',
    'if (before === -1)',
    SIGNED,
  ),
  mutant(
    'counts: a commit without expectation once',
    ADMISSION,
    "if (replayed) return 'it was stored before';",
    '',
    SIGNED,
  ),
  mutant(
    'counts: soon after it was signed',
    ADMISSION,
    'if (seq - readSeq > this.#fresh)',
    'if (seq < readSeq)',
    SIGNED,
  ),
  mutant(
    'counts: by a key that may write there',
    'packages/bus/src/signing/keyring.ts',
    'known.filter(({ role }) => writers.includes(role))',
    'known',
    SIGNED,
  ),
  mutant(
    'counts: by a key that was valid then',
    'packages/bus/src/signing/keyring.ts',
    'storedAtIso >= from && (until === undefined || storedAtIso < until)',
    "from !== 'never' || until !== undefined",
    SIGNED,
  ),
  mutant(
    'counts: what stands below a signature',
    'packages/bus/src/commits/commit-reader.ts',
    'follower.sealed.predecessor === one.sealed.digestText &&',
    '',
    SIGNED,
  ),
];

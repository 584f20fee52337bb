import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConclaveError, type ErrorCode } from '@conclave/contracts';
import { historyIn } from '@conclave/histories';
import { fakeClock } from '@conclave/service';
import type { Advisor, Ask, Contribution, Spoken } from '../advisors/advisor.ts';
import { briefOf, rolloutIn } from '../testing/brief.ts';
import { askSeat } from './ask.ts';

const brief = briefOf(historyIn().allPassed());
const { rolloutId, verdictSet } = rolloutIn(brief);
const never = new AbortController().signal;
const HUGE = 'é'.repeat(1024 * 1024);

const askIn = (phase: Ask['phase'], more: Partial<Ask> = {}): Ask => ({
  phase,
  brief,
  heard: [],
  idempotencyKey: 'm:1',
  signal: never,
  ...more,
});
const seatOf = (speak: (attempt: number) => Spoken): Advisor => {
  let attempt = 0;
  return { role: 'critic', speaker: { adapter: 'openai', model: 'm' }, speak: async () => speak(++attempt) };
};
const silent: Contribution = { text: 'words', ballots: [], actions: [], decisions: [] };
const action = {
  action: 'Check',
  owner: 'infra_guardian',
  priority: 'low',
  estimated_duration: '',
  success_criteria: '',
};

const fails =
  (code: ErrorCode, retryAfterMs?: number): (() => never) =>
  () => {
    throw new ConclaveError(code, 'the vendor failed', retryAfterMs === undefined ? {} : { retryAfterMs });
  };

/** What was waited for, and how it ended. */
async function patiently(seat: Advisor, ask: Ask, random = 0) {
  const waits: number[] = [];
  const pause = async (ms: number): Promise<void> => void waits.push(ms);
  return { answer: await askSeat(seat, ask, never, fakeClock(), { pause, random: () => random }), waits };
}

test('a second attempt is waited for, as long as the vendor says or a drawn while, never at once', async () => {
  for (const code of ['CVE_CHAT_RATE_LIMITED', 'CVE_CHAT_UNAVAILABLE'] as const) {
    const seat = () => seatOf(fails(code));
    assert.deepEqual((await patiently(seat(), askIn('statement'), 0)).waits, [1000]);
    assert.deepEqual((await patiently(seat(), askIn('statement'), 1)).waits, [2000]);
    assert.deepEqual((await patiently(seatOf(fails(code, 7000)), askIn('statement'))).waits, [7000]);
  }
});

test('a wait that the phase has no time for is not begun, nor one that is too long for anybody', async () => {
  const endsAt = fakeClock().monotonicMs() + 500;
  const { answer, waits } = await patiently(seatOf(fails('CVE_CHAT_UNAVAILABLE')), askIn('statement', { endsAt }));
  assert.deepEqual(waits, []);
  assert.match('absent' in answer ? answer.absent : '', /^CVE_CHAT_UNAVAILABLE/);
  assert.deepEqual((await patiently(seatOf(fails('CVE_CHAT_RATE_LIMITED', 61_000)), askIn('statement'))).waits, []);
});

test('who spoke is told with what was said', async () => {
  const speaker = { adapter: 'google', model: 'gemini-3.8-flash' } as const;
  const { answer } = await patiently(
    seatOf(() => ({ ...silent, speaker })),
    askIn('statement'),
  );
  assert.deepEqual('said' in answer ? answer.speaker : undefined, speaker);
});

const SLOTS: Readonly<Record<string, { phase: Ask['phase']; said: Contribution }>> = {
  text: { phase: 'statement', said: { ...silent, text: HUGE } },
  'the reason of a ballot': {
    phase: 'ballot',
    said: { ...silent, ballots: [{ rolloutId, verdictSet, vote: 'go', reason: HUGE }] },
  },
  'the words of an action': { phase: 'synthesis', said: { ...silent, actions: [{ ...action, action: HUGE }] } },
  'the owner of an action': { phase: 'synthesis', said: { ...silent, actions: [{ ...action, owner: HUGE }] } },
  'the criteria of an action': {
    phase: 'synthesis',
    said: {
      ...silent,
      actions: [{ ...action, success_criteria: HUGE, line: HUGE, tool: HUGE, estimated_duration: HUGE }],
    },
  },
  'the arguments of an action': {
    phase: 'synthesis',
    said: { ...silent, actions: [{ ...action, args: { [HUGE]: HUGE } }] },
  },
  'the dependencies of an action': {
    phase: 'synthesis',
    said: { ...silent, actions: [{ ...action, depends_on: Array.from({ length: 300_000 }, (_, i) => i) }] },
  },
  'the number of actions': {
    phase: 'synthesis',
    said: {
      ...silent,
      actions: Array.from({ length: 20_000 }, () => ({
        ...action,
        action: 'x'.repeat(900),
        args: { a: 'é'.repeat(4000) },
      })),
    },
  },
  'a decision': { phase: 'synthesis', said: { ...silent, decisions: [{ rolloutId: HUGE, decision: 'go' }] } },
  'the number of decisions': {
    phase: 'synthesis',
    said: { ...silent, decisions: Array.from({ length: 50_000 }, () => ({ rolloutId, decision: 'go' as const })) },
  },
  'a half character': { phase: 'statement', said: { ...silent, text: `${'x'.repeat(15_998)}${'😀'.repeat(600_000)}` } },
};

for (const [slot, { phase, said }] of Object.entries(SLOTS)) {
  test(`two megabytes in ${slot} are cut to what fits a commit`, async () => {
    const { answer } = await patiently(
      seatOf(() => said),
      askIn(phase),
    );
    assert.ok('said' in answer, 'absent' in answer ? answer.absent : '');
    const bytes = Buffer.byteLength(JSON.stringify(answer.said));
    assert.ok(bytes < 400_000, `${bytes} bytes`);
    assert.ok(answer.said.text.isWellFormed());
  });
}

test('two megabytes in an error are cut too', async () => {
  const { answer } = await patiently(
    seatOf(() => {
      throw new Error(HUGE);
    }),
    askIn('statement'),
  );
  assert.ok('absent' in answer && answer.absent.length <= 2000);
});

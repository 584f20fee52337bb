import { ConclaveError, isConclaveError, type Speaker } from '@conclave/contracts';
import type { ChatAnswer, ChatModel, ChatRequest } from '../chat-model.ts';
import { VendorFailure } from '../failures.ts';
import { type Candidate, canSpeak, type SeatPlan } from './plan-seat.ts';
import type { RestBook } from './rest-book.ts';

/*
 * The model of a chair: asks its candidates in order until one answers.
 * 1. Nobody waits here. A failed candidate gives way to the next at once; who waits and asks again is the caller.
 * 2. After a failure of the vendor the other vendors come first, then other models of the one that at least answered.
 * 3. While others are left, a candidate may use only part of the caller's time.
 */

const PASSES_ON: ReadonlySet<string> = new Set([
  'CVE_CHAT_RATE_LIMITED',
  'CVE_CHAT_UNAVAILABLE',
  'CVE_CHAT_TIMEOUT',
  'CVE_CHAT_NOT_CONFIGURED',
  'CVE_CHAT_REFUSED',
]);

/** Share of the time left that a candidate may use while another vendor could still be asked. */
const SHARE = 0.6;

export interface SeatedModelOptions {
  /** By what is known of the vendors now. */
  plan(): SeatPlan;
  readonly rests: RestBook;
  /** Called once per candidate, when it is first asked. */
  open(candidate: Candidate): ChatModel;
}

export function seatedModel({ plan, rests, open }: SeatedModelOptions): ChatModel {
  const models = new Map<string, ChatModel>();
  const modelOf = (candidate: Candidate): ChatModel => {
    const key = `${candidate.endpoint.id} ${candidate.model} ${candidate.sdk ?? ''}`;
    const known = models.get(key);
    if (known !== undefined) return known;
    const opened = open(candidate);
    models.set(key, opened);
    return opened;
  };

  const askOne = async (candidate: Candidate, request: ChatRequest, isLast: boolean): Promise<ChatAnswer> => {
    const now = performance.now();
    const endsAt = request.endsAt === undefined || isLast ? request.endsAt : now + (request.endsAt - now) * SHARE;
    const answer = await modelOf(candidate).complete({ ...request, endsAt });
    return { ...answer, speaker: speakerOf(candidate) };
  };

  return {
    get speaker() {
      const candidates = plan().candidates;
      return speakerOf(inOrder(candidates, rests).ready[0] ?? candidates.find(canSpeak) ?? candidates[0]);
    },
    async complete(request) {
      const { candidates, absent } = plan();
      const { ready, resting } = inOrder(candidates, rests);
      const waiting = [...ready];
      const failures: ConclaveError[] = [];
      for (let candidate = waiting.shift(); candidate !== undefined; candidate = waiting.shift()) {
        const { endpoint } = candidate;
        const isLast = waiting.every((other) => other.endpoint.id === endpoint.id);
        try {
          const answer = await askOne(candidate, keyed(request, failures.length === 0 ? undefined : candidate), isLast);
          rests.answered(candidate);
          return answer;
        } catch (error) {
          if (!isConclaveError(error) || !PASSES_ON.has(error.code)) throw error;
          failures.push(error);
          if (error.code === 'CVE_CHAT_REFUSED') continue;
          if (rests.failed(candidate, error) === 'vendor') stepBack(waiting, endpoint.id, error);
        }
      }
      if (failures.length > 0) throw nobodyAnswers(failures);
      throw resting[0] ?? new ConclaveError('CVE_CHAT_NOT_CONFIGURED', absent ?? 'nobody can speak for this chair');
    },
  };
}

/** Who is asked, in order: who is well, then who failed of late and may be well again, then who by the vendor's list should not be asked at all. */
function inOrder(candidates: readonly Candidate[], rests: RestBook): { ready: Candidate[]; resting: ConclaveError[] } {
  const standing = candidates
    .filter(({ state }) => state !== 'no_key' && state !== 'shut_down')
    .map((candidate) => ({ candidate, rest: rests.restOf(candidate) }));
  const able = standing.filter(({ candidate }) => canSpeak(candidate));
  const doubtful = standing.filter(({ candidate, rest }) => !canSpeak(candidate) && rest === undefined);
  const resting = (how: string | undefined) => able.filter(({ rest }) => rest?.how === how);
  return {
    ready: [...resting(undefined), ...resting('behind'), ...resting('last'), ...doubtful].map(
      ({ candidate }) => candidate,
    ),
    resting: able.flatMap(({ rest }) => rest?.error ?? []),
  };
}

/** The vendor itself has failed: its other models come last, or not at all where it did not even answer or refuses the key. */
function stepBack(waiting: Candidate[], endpointId: string, error: ConclaveError): void {
  const same = waiting.filter(({ endpoint }) => endpoint.id === endpointId);
  const others = waiting.filter(({ endpoint }) => endpoint.id !== endpointId);
  const answers = error instanceof VendorFailure && error.status !== undefined && error.retry === 'retryable';
  waiting.splice(0, waiting.length, ...others, ...(answers ? same.slice(0, 1) : []));
}

/** A key is of one request to one model: a substitute's request is another. */
function keyed(request: ChatRequest, substitute: Candidate | undefined): ChatRequest {
  if (substitute === undefined || request.idempotencyKey === undefined) return request;
  return { ...request, idempotencyKey: `${request.idempotencyKey}:${substitute.model}` };
}

function speakerOf(candidate: Candidate | undefined): Speaker {
  if (candidate === undefined) return { adapter: 'rules', model: 'none' };
  return { adapter: candidate.endpoint.adapter, model: candidate.model };
}

/** The one failure, or all of them under the code of one that may pass. */
function nobodyAnswers(failures: readonly ConclaveError[]): ConclaveError {
  const [first, ...more] = failures;
  if (first !== undefined && more.length === 0) return first;
  const told =
    failures.find(({ retry }) => retry === 'retryable') ?? failures.find(({ retry }) => retry === 'timeout') ?? first;
  const waits = failures.flatMap(({ retryAfterMs }) => retryAfterMs ?? []);
  const text = failures.map(({ message }) => message).join('; ');
  return new ConclaveError(
    told?.code ?? 'CVE_CHAT_UNAVAILABLE',
    `neither the model of this chair nor its substitutes answer: ${text}`,
    {
      ...(waits.length === 0 ? {} : { retryAfterMs: Math.min(...waits) }),
    },
  );
}

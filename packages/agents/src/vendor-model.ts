import type { Speaker } from '@conclave/contracts';
import { checkLength } from './bounded.ts';
import type { ChatAnswer, ChatModel, ChatRequest } from './chat-model.ts';
import { guarded } from './guarded.ts';
import { wireSchemaOf } from './wire-schema.ts';

/** One call to one model. It throws ConclaveErrors for what the vendor said and whatever its SDK throws otherwise. */
type VendorCall = (request: ChatRequest) => Promise<ChatAnswer>;

/** What all adapters share: the schema in the form that vendors take, the time limit, the bound on the answer's size. */
export function vendorModel(speaker: Speaker, timeoutMs: number, call: VendorCall): ChatModel {
  return {
    speaker,
    async complete(request) {
      const leftMs = request.endsAt === undefined ? timeoutMs : request.endsAt - performance.now();
      const schema = request.schema === undefined ? undefined : wireSchemaOf(request.schema);
      const answer = await guarded(speaker, Math.min(timeoutMs, leftMs), request.signal, (signal) =>
        call({ ...request, schema, signal }),
      );
      checkLength(speaker, answer.text);
      return answer;
    },
  };
}

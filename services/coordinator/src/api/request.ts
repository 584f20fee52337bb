import type { ApiRequest as BusRequest } from '@conclave/bus';
import { API, type ApiRequest, type ApiVerb, ConclaveError, TOKEN_HEADER, zodMessage } from '@conclave/contracts';
import type { Operators } from '@conclave/service';
import { authenticate } from './authenticate.ts';

/** The checked request of a verb, and who asks: an operator's name, or undefined for a service. */
export interface Checked<V extends ApiVerb> {
  readonly body: ApiRequest<V>;
  readonly operator: string | undefined;
}

/** @throws CVE_UNAUTHORIZED, CVE_REQUEST_INVALID naming field and value */
export function checkRequest<V extends ApiVerb>(verb: V, request: BusRequest, operators: Operators): Checked<V> {
  const spec = API[verb];
  const operator = spec.operator ? authenticate(operators, request.header(TOKEN_HEADER), verb) : undefined;
  const parsed = spec.request.safeParse(request.body ?? {});
  if (!parsed.success) {
    throw new ConclaveError(
      'CVE_REQUEST_INVALID',
      `conclave.api.${verb}: ${zodMessage(parsed.error, request.body)}; see packages/contracts/src/api.ts for the request`,
    );
  }
  return { body: parsed.data as ApiRequest<V>, operator };
}

import { ConclaveError } from '@conclave/contracts';
import type { Operators } from '@conclave/service';

/** Name of the operator whose token this is. @throws CVE_UNAUTHORIZED */
export function authenticate(operators: Operators, token: string | undefined, verb: string): string {
  if (token === undefined || token === '') {
    throw new ConclaveError(
      'CVE_UNAUTHORIZED',
      `${verb} is an operator's verb and the request carries no token; use the conclave command with the operator's credentials`,
    );
  }
  const name = operators.identify(token);
  if (name === undefined)
    throw new ConclaveError(
      'CVE_UNAUTHORIZED',
      `the token given for ${verb} is no operator's; check which installation it belongs to`,
    );
  return name;
}

import { ConclaveError, type ErrorCode, nearestName } from '@conclave/contracts';

const SHOWN = 3;

/** Nothing is on record under the id; names up to three that are close to it. @param known newest first */
export function unknownId(
  code: Extract<ErrorCode, `CVE_${string}_UNKNOWN`>,
  { what, given, list }: { what: string; given: string; list: string },
  known: readonly string[],
): ConclaveError {
  const close = closeTo(given, known);
  const hint =
    known.length === 0
      ? `no ${what} is on record yet`
      : close.length === 0
        ? `the newest is "${known[0]}"`
        : `did you mean ${close.map((id) => `"${id}"`).join(' or ')}?`;
  return new ConclaveError(code, `there is no ${what} "${given}"; ${hint} See ${list}`);
}

function closeTo(given: string, known: readonly string[]): string[] {
  const wanted = given.toLowerCase();
  const close = wanted === '' ? [] : known.filter((id) => id.toLowerCase().includes(wanted)).slice(0, SHOWN);
  while (close.length < SHOWN) {
    const nearest = nearestName(
      given,
      known.filter((id) => !close.includes(id)),
    );
    if (nearest === undefined) break;
    close.push(nearest);
  }
  return close;
}

import { createHash, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { ConclaveError, messageOf, zodMessage } from '@conclave/contracts';
import { z } from 'zod';

const operatorsFile = z.array(
  z.object({ name: z.string().min(1), tokenSha256: z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 hex digits') }),
);

/** The people who may use operators' verbs. The file holds hashes, never tokens. */
export interface Operators {
  readonly names: readonly string[];
  /** The name of whoever owns the token; undefined for anybody else. Compares in constant time. */
  identify(token: string | undefined): string | undefined;
}

/** @param file CONCLAVE_OPERATORS_FILE; without it nobody is an operator. @throws CVE_CONFIG_UNREADABLE, CVE_CONFIG_INVALID */
export function loadOperators(file: string | undefined): Operators {
  const known = file === undefined ? [] : readOperators(file);
  return {
    names: known.map((operator) => operator.name),
    identify(token) {
      if (token === undefined || token === '') return undefined;
      const given = createHash('sha256').update(token).digest();
      let found: string | undefined;
      for (const { name, tokenSha256 } of known)
        if (timingSafeEqual(given, Buffer.from(tokenSha256, 'hex'))) found = name;
      return found;
    },
  };
}

function readOperators(file: string): z.infer<typeof operatorsFile> {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new ConclaveError(
      'CVE_CONFIG_UNREADABLE',
      `cannot read ${file}: ${messageOf(error)}; point CONCLAVE_OPERATORS_FILE to a list of {name, tokenSha256}`,
      { cause: error },
    );
  }
  const parsed = operatorsFile.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new ConclaveError(
    'CVE_CONFIG_INVALID',
    `${file}: ${zodMessage(parsed.error)}; it must be a list of {name, tokenSha256}`,
  );
}

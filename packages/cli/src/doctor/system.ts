import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Bus, keyringFromFile } from '@conclave/bus';
import { ConclaveError, isConclaveError, messageOf } from '@conclave/contracts';
import { describeSeating, waysOut } from '@conclave/core';
import { hasLeader } from '../api.ts';
import { connect, type LocalStack, readSettings, type Settings } from '../connect.ts';
import { readRunners, readSeating } from '../read-world.ts';
import { type Check, ok, problem, warning } from './check.ts';
import { isListening } from './is-listening.ts';

const SILENCE_MS = 3000;

/** The system that runs here, or that the environment names. */
export interface FoundSystem {
  readonly settings: Settings | undefined;
  /** Why none can be asked; undefined when one answers. */
  readonly fault: unknown;
  readonly bus: Bus | undefined;
}

/** Looks for a system and connects to it. Never rejects. */
export async function findSystem(
  options: { nats?: string | undefined; state?: string | undefined },
  env: NodeJS.ProcessEnv,
  cwd: string,
): Promise<FoundSystem> {
  let settings: Settings | undefined;
  try {
    settings = readSettings(options, env, cwd);
    if (!(await isListening(settings.natsUrl)))
      throw new ConclaveError('CVE_BUS_UNAVAILABLE', `nothing answers at ${settings.natsUrl}`);
    return { settings, fault: undefined, bus: await connect(settings) };
  } catch (error) {
    return { settings, fault: error, bus: undefined };
  }
}

export async function checkSystem(
  system: FoundSystem,
  stateDir: string,
  env: Readonly<NodeJS.ProcessEnv>,
): Promise<Check[]> {
  return [checkCredentials(stateDir, env), ...checkKeyring(stateDir, env), ...(await checkRunning(system))];
}

function checkCredentials(stateDir: string, env: Readonly<NodeJS.ProcessEnv>): Check {
  const name = 'credentials';
  const { CONCLAVE_NKEY_FILE: nkey, CONCLAVE_OPERATOR_TOKEN: token, CONCLAVE_OPERATOR_TOKEN_FILE: tokenFile } = env;
  const files = [
    nkey ?? join(stateDir, 'credentials', 'operator.nk'),
    ...(token === undefined ? [tokenFile ?? join(stateDir, 'credentials', 'operator.token')] : []),
  ];
  const missing = files.filter((file) => !existsSync(file));
  if (missing.length > 0) {
    if (nkey === undefined && tokenFile === undefined && !existsSync(stateDir)) {
      return ok(
        'System',
        name,
        `none yet; the first npm start makes the operator's in ${join(stateDir, 'credentials')}`,
      );
    }
    return warning(
      'System',
      name,
      `the operator's ${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} not there: verbs that change something are refused`,
      'npm start makes them; elsewhere set CONCLAVE_NKEY_FILE and CONCLAVE_OPERATOR_TOKEN_FILE',
    );
  }
  const open = files.filter((file) => (statSync(file).mode & 0o077) !== 0);
  if (open.length === 0) return ok('System', name, `the operator's nkey and token are there`);
  return warning('System', name, `others on this machine may read ${open.join(', ')}`, `chmod 600 ${open.join(' ')}`);
}

/** Without it nothing on record could be told from what somebody forged. No row before the first start, which makes it. */
function checkKeyring(stateDir: string, env: Readonly<NodeJS.ProcessEnv>): Check[] {
  const name = 'keyring';
  const file = env.CONCLAVE_KEYRING_FILE ?? join(stateDir, 'credentials', 'keyring.json');
  if (env.CONCLAVE_KEYRING_FILE === undefined && !existsSync(join(stateDir, 'credentials'))) return [];
  try {
    keyringFromFile(file);
    return [ok('System', name, 'says whose signatures count')];
  } catch (error) {
    const todo = 'npm start makes it; elsewhere point CONCLAVE_KEYRING_FILE to that of the installation';
    return [problem('System', name, withoutCode(messageOf(error)), todo)];
  }
}

async function checkRunning({ settings, fault, bus }: FoundSystem): Promise<Check[]> {
  if (bus === undefined || settings === undefined) return [unreached(settings, fault)];
  const named = describeStack(settings.stack);
  const rows: Check[] = [ok('System', 'running', `NATS ${bus.serverVersion} at ${settings.natsUrl}${named}`)];
  const asked = await Promise.all(
    [
      hasLeader(bus).then((leads) =>
        leads
          ? ok('System', 'coordinator', 'one leads and answers')
          : problem('System', 'coordinator', 'none leads', 'see its log in the logs folder of the state folder'),
      ),
      readRunners(bus, SILENCE_MS).then((runners) =>
        runners.length > 0
          ? ok('System', 'gpu-runners', runners.map(({ runner }) => runner).join(', '))
          : problem(
              'System',
              'gpu-runners',
              'none reports itself: nothing serves',
              'see its log in the logs folder of the state folder',
            ),
      ),
      checkSeating(bus),
    ].map((row, index) =>
      row.catch((error: unknown) =>
        problem(
          'System',
          ['coordinator', 'gpu-runners', 'agents'][index] ?? '',
          withoutCode(messageOf(error)),
          'see conclave status',
        ),
      ),
    ),
  );
  return [...rows, ...asked];
}

function unreached(settings: Settings | undefined, fault: unknown): Check {
  const name = 'running';
  const detail = withoutCode(messageOf(fault)).split('; ')[0] ?? '';
  if (settings === undefined && isConclaveError(fault, 'CVE_BUS_UNAVAILABLE')) {
    return ok('System', name, 'no system runs here', 'start one: npm start');
  }
  if (settings?.stack !== undefined) {
    return warning(
      'System',
      name,
      `${detail}: the stack of ${settings.stack.stateDir} did not end in order`,
      'start it again: npm start',
    );
  }
  return problem('System', name, detail, 'correct --nats, CONCLAVE_NATS_URL or the credentials, or start that system');
}

/** Who sits in the running services: a key that was put into .env since is not theirs before they start again. */
async function checkSeating(bus: Bus): Promise<Check> {
  const seating = await readSeating(bus, SILENCE_MS);
  const { level, headline, groups, warnings } = describeSeating(seating);
  if (level === 'good') return ok('System', 'agents', headline);
  const detail = [headline, ...groups.map(({ who, reason }) => `${who}: ${reason}`), ...warnings].join('; ');
  const ways = waysOut([...(seating.planning ?? []), ...(seating.executive ?? [])]);
  const todo = [...ways, 'what is put into .env reaches a service when it starts again'].join('; ');
  return level === 'bad' ? problem('System', 'agents', detail, todo) : warning('System', 'agents', detail, todo);
}

function describeStack(stack: LocalStack | undefined): string {
  if (stack === undefined) return '';
  return stack.statusPage === undefined
    ? `, state ${stack.stateDir}`
    : `, page ${stack.statusPage}, state ${stack.stateDir}`;
}

function withoutCode(text: string): string {
  return text.replace(/^CVE_[A-Z_]+: /, '');
}

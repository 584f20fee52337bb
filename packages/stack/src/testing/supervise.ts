import { join } from 'node:path';
import { startGuard } from '../guard.ts';
import { startSupervisor } from '../supervisor.ts';

/** A supervisor in a process of its own, for the test that kills it: runs child.mjs of the directory it is given. */
const [cwd = '.'] = process.argv.slice(2);
startSupervisor({
  guard: startGuard(),
  processes: [
    { name: 'child', args: [join(cwd, 'child.mjs')], cwd, env: process.env, logFile: join(cwd, 'child.log') },
  ],
});

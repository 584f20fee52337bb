import { run } from './program.ts';

// Whoever reads the output may have had enough of it: `conclave history m | head`. The exit code is that of a program that SIGPIPE ends.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(141);
  throw error;
});
const code = await run(process.argv.slice(2), {
  out: (text) => console.log(text),
  err: (text) => console.error(text),
});
// A connection that is still being tried for must not keep the command alive; what was printed must be out first.
process.stdout.write('', () => process.exit(code));

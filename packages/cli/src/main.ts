import { run } from './program.ts';

const code = await run(process.argv.slice(2), {
  out: (text) => console.log(text),
  err: (text) => console.error(text),
});
// A connection that is still being tried for must not keep the command alive; what was printed must be out first.
process.stdout.write('', () => process.exit(code));

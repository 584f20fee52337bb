/** A process of its own that competes for a lease and reports each line of its life; a test freezes it. */
import { connectBus } from '../connection.ts';
import { holdLease } from '../lease.ts';

const [servers = '', holder = '', ttlMs = '1000'] = process.argv.slice(2);
const say = (fields: object): void => void process.stdout.write(`${JSON.stringify({ holder, ...fields })}\n`);

const bus = await connectBus({ servers, name: holder });
const handle = holdLease(bus, {
  name: 'leader',
  holder,
  ttlMs: Number(ttlMs),
  onAcquired: (lease) => {
    // Before it is told: whoever hears of it may freeze this process at once.
    let last = performance.now();
    say({ event: 'acquired', fence: lease.fence });
    const timer = setInterval(() => {
      const now = performance.now();
      // The first thing that runs after a long freeze: what does the lease say then?
      if (now - last > Number(ttlMs)) {
        say({ event: 'woke', held: lease.isHeld() });
        clearInterval(timer);
      }
      last = now;
    }, 5);
  },
  onLost: (reason) => say({ event: 'lost', reason }),
});
process.on('SIGTERM', () => {
  void handle
    .release()
    .then(() => bus.drain())
    .then(() => process.exit(0));
});

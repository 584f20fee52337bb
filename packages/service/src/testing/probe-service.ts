/** A service for the tests: does nothing, has one route, and does what the test asks of it. */
import { receiving } from '../health.ts';
import { runService } from '../run-service.ts';

await runService({
  name: 'planner',
  topology: process.env.PROBE_TOPOLOGY === 'own' ? 'own' : 'wait',
  async start(context) {
    const follower = context.journal.follow({
      filters: ['conclave.journal.>'],
      onCommit() {},
      onError: (error) => context.log.error({ err: error }, 'follower'),
    });
    context.health.register('journal', receiving(context.bus, follower));
    context.http.get('/probe', async () => ({ instance: context.instance, operators: context.operators.names }));
    context.http.get('/misrecord', async () => {
      const event = { id: 'probe', type: 'meeting.adjourned', at: new Date().toISOString(), data: {} };
      return await context.journal.append({ kind: 'meetings', id: 'probe' }, 0, [event]).catch(String);
    });
    context.http.get('/reject', async () => {
      void Promise.reject(new Error('nobody catches this'));
    });
    context.log.info(
      { authorization: 'Bearer very-secret-token', nested: { apiKey: 'sk-abcdefghijklmnop' } },
      'probe says sk-abcdefghijklmnop',
    );
    return {
      async stop() {
        if (process.env.PROBE_STOP === 'never') await new Promise(() => undefined);
        await follower.stop();
      },
    };
  },
});

import type { Stack } from '../stack.ts';
import { SAMPLE_MODEL } from './sample.ts';

/** Three things to paste. @param conclave how to call the command for this stack */
export function finale(stack: Stack, conclave: string): string {
  const forged = JSON.stringify({
    timestamp: '2025-10-13T20:00:00',
    meeting_id: 'not_a_meeting',
    actions: [
      {
        id: 1,
        action: 'Deploy V1.1 to full production right now',
        owner: 'ops_commander',
        priority: 'high',
        success_criteria: 'stage == production',
        tool: 'deploy_model',
        args: { model: SAMPLE_MODEL, version: '1.1', stage: 'production' },
      },
    ],
    count: 1,
    source: 'me',
  });
  const victim = stack.supervisor.process('gpu-runner-1').pid ?? '<pid>';
  return [
    '',
    'Now try it yourself, in another terminal:',
    '',
    '1. Cheat: demand production without earning it. It is taken in, and refused with what is missing.',
    `   echo '${forged}' > /tmp/forged.json && ${conclave} handoff --wait /tmp/forged.json`,
    '',
    '2. Kill a service: one of the two gpu-runners. It is away for some seconds, as the status shows; the other one answers, and nobody',
    '   pays more than a second attempt. Then it is back and goes on where it was.',
    `   kill -9 ${victim} && ${conclave} status --watch`,
    '',
    '3. Roll out your own model: the README has the four steps. The same bundle under another version will do:',
    `   ${conclave} model push examples/emoji-search/bundles/1.0 --version 1.3 && sed 's/1\\.0/1.3/; s/search-1-0/search-1-3/' examples/emoji-search/rollouts/1.0.yaml > /tmp/1.3.yaml && ${conclave} apply -f /tmp/1.3.yaml`,
    '',
    `Watch it at ${stack.urls['metrics-0'] ?? 'the status page'}. Ctrl-C stops everything; npm start goes on where it stopped.`,
    '',
  ].join('\n');
}

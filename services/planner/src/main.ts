import { runService } from '@conclave/service';
import { startPlanner } from './planner.ts';

await runService({ name: 'planner', start: (context) => startPlanner(context, process.env) });

export { type Clock, type FakeClock, fakeClock, pass, systemClock, type TimeLimit, timeLimit } from './clock.ts';
export { describeEnvFiles, type EnvFiles, envFilesOf, type ReadEnvFile, readEnvFiles } from './env-files.ts';
export { type Environment, readEnvironment, serviceEnvironment } from './environment.ts';
export { faultPoint } from './fault-point.ts';
export {
  type Check,
  type CheckResult,
  createHealth,
  type Health,
  type HealthReport,
  type Receiver,
  receiving,
} from './health.ts';
export { loadConfig } from './load-config.ts';
export { createLog } from './log.ts';
export { loadOperators, type Operators } from './operators.ts';
export { redactFields, redactText } from './redact.ts';
export { type RunningService, runService, type ServiceContext, type ServiceDefinition } from './run-service.ts';
export { type SeatReportOptions, startSeatReport } from './seat-report.ts';
export { type FollowWorldOptions, followWorld, type WorldFollower } from './world-follower.ts';
export {
  type AggregateWriter,
  type CommitOptions,
  type Decide,
  type WorldWriter,
  type WritePolicy,
  writeAggregate,
  writeWorld,
} from './writing/aggregate-writer.ts';
export {
  type AggregateFold,
  type AggregateState,
  newAggregate,
  openAggregate,
  readAggregate,
} from './writing/read-aggregate.ts';

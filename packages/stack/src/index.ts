export { type Credentials, ensureCredentials, type UserCredential } from './credentials.ts';
export { type NatsConfigUser, renderNatsConfig } from './nats-config.ts';
export { type EmbeddedNats, type NatsServerOptions, startNatsServer } from './nats-server.ts';
export { SERVICE_NAMES, SERVICE_PORTS, type ServiceName } from './services.ts';
export { type Stack, type StackOptions, type StackProgress, startStack } from './stack.ts';
export type { ProcessEvent, SupervisedProcess } from './supervised-process.ts';
export type { Supervisor } from './supervisor.ts';

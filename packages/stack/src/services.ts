/** The services of one stack and the loopback ports their instances have under `npm start`, the first one's first. */
export const SERVICE_PORTS = {
  metrics: [7070],
  'gpu-runner': [7071, 7075],
  coordinator: [7072],
  planner: [7073],
  executor: [7074],
} as const;

export type ServiceName = keyof typeof SERVICE_PORTS;

export const SERVICE_NAMES = Object.keys(SERVICE_PORTS) as readonly ServiceName[];

/** Services whose agents call LLM vendors; no other gets to see a vendor's key. */
const servicesWithAgents: ReadonlySet<ServiceName> = new Set(['planner', 'executor']);

/** CONCLAVE_* is the contract between the stack and its services; a token among it is theirs. */
const vendorSecretName = /^(?!CONCLAVE_).*(KEY|TOKEN|SECRET|PASSWORD|CREDENTIALS)(_|$)/i;
/** What belongs to the run around the stack, an operator's own token included. */
const outerRunName =
  /^(npm_|NODE_TEST_CONTEXT$|NODE_CHANNEL_|INIT_CWD$|NATS_URL$|NATS_SERVER_BIN$|CONCLAVE_OPERATOR_TOKEN(_FILE)?$)/;

/** What a service inherits of this process's environment: nothing of the run around it, and vendors' secrets only where its agents need them. */
export function inheritedEnvironment(service: ServiceName, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const mayHold = (name: string) => servicesWithAgents.has(service) || !vendorSecretName.test(name);
  return Object.fromEntries(Object.entries(env).filter(([name]) => !outerRunName.test(name) && mayHold(name)));
}

/** One running copy of a service. */
export interface Instance {
  /** `<service>-<index>`, such as `coordinator-0`. */
  readonly name: string;
  readonly service: ServiceName;
  /** Its port under `npm start`; 0 where it has none of its own. */
  readonly usualPort: number;
}

/** The instances to run: one of each service unless `replicas` says otherwise; 0 leaves a service out. */
export function instances(replicas: Partial<Record<ServiceName, number>> = {}): readonly Instance[] {
  return SERVICE_NAMES.flatMap((service) =>
    Array.from({ length: replicas[service] ?? 1 }, (_, index) => ({
      name: `${service}-${index}`,
      service,
      usualPort: SERVICE_PORTS[service][index] ?? 0,
    })),
  );
}

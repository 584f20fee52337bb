export { type ApiBody, callApi, hasLeader } from './api.ts';
export { connect, readSettings, type Settings } from './connect.ts';
export { readDefinition } from './definition-file.ts';
export { bearer } from './load/ask-in-turn.ts';
export { type LoadDriver, startLoad } from './load/driver.ts';
export { run } from './program.ts';
export { type PushedDataset, type PushedModel, type PushOptions, pushDataset, pushModel } from './push.ts';
export { hearRunners, readRunners, readWorld } from './read-world.ts';
export { takeBack } from './take-back.ts';

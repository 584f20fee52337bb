export { sealCommit } from '../commits/commit-seal.ts';
export { type BulkAppend, bulkAppend } from './bulk-append.ts';
export { freeze } from './freeze.ts';
export { findNatsServer, freePort, startNats, type TestNats } from './nats-server.ts';
export { signerFromFolder, testKeyring, testSigner } from './signing.ts';
export { standStill } from './stand-still.ts';
export { startTestBus, type TestBus } from './test-bus.ts';
export { until } from './until.ts';

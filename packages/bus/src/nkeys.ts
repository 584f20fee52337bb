import { nkeys } from 'nats';

/** A new NATS user key. The seed (`SU...`) is the secret; the public key (`U...`) goes into the server's configuration. */
export function createNkey(): { seed: string; publicKey: string } {
  const pair = nkeys.createUser();
  return { seed: new TextDecoder().decode(pair.getSeed()), publicKey: pair.getPublicKey() };
}

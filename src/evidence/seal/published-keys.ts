import type { HistoryStore } from '../../history/store.js';
import { toInstant } from '../../values/instant.js';
import { keyIdOf, type PublicJwk, pemOf } from './signing-key.js';

const PREFIX = 'signing-key-';

/** A set of public keys as RFC 7517 has it. */
export interface JwkSet {
  readonly keys: readonly (PublicJwk & { readonly use: 'sig'; readonly alg: 'EdDSA' })[];
}

/** Remembers a public key with the history that is sealed with it, for good; `now` in milliseconds. */
export async function publishKey(store: HistoryStore, key: PublicJwk, now: number): Promise<void> {
  const id = PREFIX + key.kid;
  // false: it is there already
  await store.putDocument('settings', id, { x: key.x, firstUsedAt: toInstant(now) }, 0);
}

/** Every public key that the history was ever sealed with, the first one first. */
export async function publishedKeys(store: HistoryStore): Promise<JwkSet> {
  const documents = await store.documents('settings');
  const keys = documents
    .filter(({ id }) => id.startsWith(PREFIX))
    .sort((a, b) => (String(a.body.firstUsedAt) < String(b.body.firstUsedAt) ? -1 : 1))
    .flatMap(({ body }) => jwk(String(body.x)));
  return { keys };
}

/** The same as PEM, the newest key first, since standard tools take the first of a file. */
export async function publishedPem(store: HistoryStore): Promise<string> {
  const { keys } = await publishedKeys(store);
  return keys.toReversed().map(pemOf).join('');
}

function jwk(x: string): JwkSet['keys'][number][] {
  const kid = keyIdOf({ x });
  return kid === null ? [] : [{ kty: 'OKP', crv: 'Ed25519', kid, x, use: 'sig', alg: 'EdDSA' }];
}

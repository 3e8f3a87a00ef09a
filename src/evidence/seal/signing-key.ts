import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';
import type { HistoryStore } from '../../history/store.js';
import { parsedJson } from '../../values/canonical-json.js';
import { toInstant } from '../../values/instant.js';

/** A JSON Web Key (RFC 8037). */
export interface PublicJwk {
  readonly kty: 'OKP';
  readonly crv: 'Ed25519';
  /** The SHA-256 of the key's SubjectPublicKeyInfo (DER), in hex. */
  readonly kid: string;
  /** The key's 32 bytes in base64url. */
  readonly x: string;
}

export interface Signer {
  readonly publicKey: PublicJwk;
  /** In base64. */
  sign(text: string): string;
}

/** On one line: PKCS#8 in base64. */
export function newSigningKey(): string {
  const { privateKey } = generateKeyPairSync('ed25519');
  return privateKey.export({ format: 'der', type: 'pkcs8' }).toString('base64');
}

/** From PKCS#8 as base64 or PEM; the RangeError for anything else does not repeat it. */
export function signerOf(privateKey: string): Signer {
  const key = readPrivateKey(privateKey);
  const publicKey = jwkOf(createPublicKey(key));
  return { publicKey, sign: (text) => sign(null, Buffer.from(text), key).toString('base64') };
}

function readPrivateKey(text: string): KeyObject {
  let key: KeyObject;
  try {
    key = text.includes('-----BEGIN')
      ? createPrivateKey(text.replaceAll('\\n', '\n'))
      : createPrivateKey({ key: Buffer.from(text, 'base64'), format: 'der', type: 'pkcs8' });
  } catch {
    throw new RangeError('is not a private key in PKCS#8');
  }
  if (key.asymmetricKeyType === 'ed25519') return key;
  throw new RangeError('is a key of another kind than Ed25519');
}

export function isSignedBy(publicKey: Pick<PublicJwk, 'x'>, text: string, signature: string): boolean {
  try {
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: publicKey.x }, format: 'jwk' });
    return verify(null, Buffer.from(text), key, Buffer.from(signature, 'base64'));
  } catch {
    return false;
  }
}

/** From a JWK, a set of them, or PEM. Throws a RangeError if there is none. */
export function readPublicKeys(text: string): PublicJwk[] {
  if (text.includes('-----BEGIN')) return pemBlocks(text).map((pem) => jwkOf(publicKeyOf(pem)));
  const parsed = parsedJson(text);
  if (parsed === undefined) throw new RangeError('is neither PEM nor JSON');
  const { keys: several } = (parsed ?? {}) as { readonly keys?: unknown };
  const given: unknown[] = Array.isArray(several) ? several : [parsed];
  const keys = given.flatMap((jwk) => (isJwk(jwk) ? [jwkOf(publicKeyOf(jwk))] : []));
  if (keys.length > 0) return keys;
  throw new RangeError('holds no Ed25519 public key');
}

function pemBlocks(text: string): string[] {
  return text.match(/-----BEGIN [^-]+-----[^-]+-----END [^-]+-----/g) ?? [];
}

function publicKeyOf(source: string | { readonly x: string }): KeyObject {
  try {
    return typeof source === 'string'
      ? createPublicKey(source)
      : createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: source.x }, format: 'jwk' });
  } catch {
    throw new RangeError('holds something that is not a public key');
  }
}

function isJwk(value: unknown): value is { readonly x: string } {
  if (typeof value !== 'object' || value === null) return false;
  const { crv, x } = value as { crv?: unknown; x?: unknown };
  return crv === 'Ed25519' && typeof x === 'string';
}

function jwkOf(key: KeyObject): PublicJwk {
  const { x = '' } = key.export({ format: 'jwk' });
  if (key.asymmetricKeyType !== 'ed25519') throw new RangeError('holds a key of another kind than Ed25519');
  const kid = createHash('sha256')
    .update(key.export({ format: 'der', type: 'spki' }))
    .digest('hex');
  return { kty: 'OKP', crv: 'Ed25519', kid, x };
}

export function pemOf({ x }: Pick<PublicJwk, 'x'>): string {
  return publicKeyOf({ x }).export({ format: 'pem', type: 'spki' }).toString();
}

export function signingKeyId(publicKey: Pick<PublicJwk, 'x'>): string | null {
  try {
    return jwkOf(publicKeyOf(publicKey)).kid;
  } catch {
    return null;
  }
}

/** Whether it looks like a public key; whether it is one shows when it is used. */
export function isPublicJwk(value: unknown): value is PublicJwk {
  if (typeof value !== 'object' || value === null) return false;
  const { kid, x } = value as Partial<PublicJwk>;
  return typeof kid === 'string' && typeof x === 'string';
}

const PREFIX = 'signing-key-';

/** As in RFC 7517. */
interface JwkSet {
  readonly keys: readonly (PublicJwk & { readonly use: 'sig'; readonly alg: 'EdDSA' })[];
}

/** Stores a public key for good with the history that it seals; `now` is in milliseconds. */
export async function publishKey(store: HistoryStore, key: PublicJwk, now: number): Promise<void> {
  const id = PREFIX + key.kid;
  // false: it is stored already
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

/** As PEM, the newest key first, because standard tools take the first of a file. */
export async function publishedPem(store: HistoryStore): Promise<string> {
  const { keys } = await publishedKeys(store);
  return keys.toReversed().map(pemOf).join('');
}

function jwk(x: string): JwkSet['keys'][number][] {
  const kid = signingKeyId({ x });
  return kid === null ? [] : [{ kty: 'OKP', crv: 'Ed25519', kid, x, use: 'sig', alg: 'EdDSA' }];
}

import { createHash, randomBytes } from 'node:crypto';

/** Bytes of a key. */
export const KEY_BYTES = 32;

/** The command that makes a key. */
export const MAKES_KEY = 'abnormal-gateway keys encryption';

/** The key that `text` says in hex or base64 (the URL's alphabet too, padded or not); `null` when it says none. */
export function parseEncryptionKey(text: string): Buffer | null {
  const isHex = /^[\da-f]{64}$/i.test(text);
  if (!isHex && !/^[\w+/-]{43}=?$/.test(text)) return null;
  const key = Buffer.from(text, isHex ? 'hex' : 'base64');
  return key.length === KEY_BYTES && !isGuessable(key) ? key : null;
}

/** A key of one repeated byte was never random: somebody wrote it down as an example. */
function isGuessable(key: Buffer): boolean {
  return key.every((byte) => byte === key[0]);
}

/** A new random key, as `ENCRYPTION_KEY` takes it. */
export function newEncryptionKey(): string {
  return randomBytes(KEY_BYTES).toString('base64');
}

/** What a key is called beside what it sealed: it names the key and says nothing of it. */
export function keyIdOf(key: Buffer): string {
  return createHash('sha256')
    .update('abnormal-graphql-gateway/encryption-key\0')
    .update(key)
    .digest('hex')
    .slice(0, 8);
}

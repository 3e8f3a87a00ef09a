import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** The parts of an API key that say which it is and that it is. */
export interface KeyParts {
  readonly id: string;
  /** SHA-256 of the secret part: all that is ever kept of it. */
  readonly hash: Buffer;
}

/** A new key as its caller will show it, which is the only place where all of it is. */
export interface MintedKey extends KeyParts {
  readonly text: string;
}

const SHAPE = /^agk_([0-9a-f]{12})_([A-Za-z0-9_-]{43})([0-9a-f]{8})$/;

/** What every key begins with, so that people and scanners of secrets know one when they see it. */
export const KEY_PREFIX = 'agk_';

/** Makes a key: `agk_`, its id, `_`, 32 random bytes in base64url, and a CRC-32 of all that in hex. */
export function mintKey(): MintedKey {
  const id = randomBytes(6).toString('hex');
  const secret = randomBytes(32).toString('base64url');
  const body = `${KEY_PREFIX}${id}_${secret}`;
  return { id, hash: sha256(secret), text: `${body}${checksum(body)}` };
}

/** Takes a key apart; `null` where it is none, or was mistyped or cut off. */
export function parseKey(text: string): KeyParts | null {
  const [, id, secret, sum] = SHAPE.exec(text) ?? [];
  if (id === undefined || secret === undefined || checksum(text.slice(0, -8)) !== sum) return null;
  return { id, hash: sha256(secret) };
}

/** Whether two hashes are the same, in a time that does not say where they differ. */
export function isSameHash(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}

export function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function checksum(body: string): string {
  return crc32(body).toString(16).padStart(8, '0');
}

import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

/** What an encrypted text is bound to; it does not decrypt under another binding. */
export interface Binding {
  readonly integration: string;
  readonly purpose: string;
  readonly audience: string;
}

type NotOpenedReason = 'UNKNOWN_KEY' | 'TAMPERED' | 'MALFORMED';

/** The text was encrypted with another key, changed, or belongs elsewhere. */
export class NotOpenedError extends Error {
  override readonly name = 'NotOpenedError';

  constructor(
    readonly reason: NotOpenedReason,
    message: string,
  ) {
    super(message);
  }
}

export interface Cipher {
  readonly keyId: string;
  readonly knownKeyIds: readonly string[];
  seal(text: string, binding: Binding): string;
  open(sealed: string, binding: Binding): string;
}

const ALGORITHM = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** AES-256-GCM with the first of `keys`; the older ones only decrypt. */
export function createCipher([current, ...older]: readonly [Buffer, ...Buffer[]]): Cipher {
  const keyId = encryptionKeyId(current);
  const keys = new Map([...older, current].map((key) => [encryptionKeyId(key), key]));
  return {
    keyId,
    knownKeyIds: [...keys.keys()],
    seal(text, binding) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv(ALGORITHM, current, nonce, { authTagLength: TAG_BYTES });
      cipher.setAAD(associatedData(keyId, binding));
      const bytes = [nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()];
      return `v1.${keyId}.${Buffer.concat(bytes).toString('base64url')}`;
    },
    open(sealed, binding) {
      const parts = parse(sealed);
      const key = keys.get(parts.keyId);
      if (!key) throw new NotOpenedError('UNKNOWN_KEY', `it was encrypted with the key ${parts.keyId}`);
      return open(parts, key, binding);
    },
  };
}

/** The id of the key of an encrypted text; `null` if it is malformed. */
export function sealingKeyId(sealed: string): string | null {
  return SEALED.exec(sealed)?.[1] ?? null;
}

// the version, the key's id, then nonce, ciphertext and tag together
const SEALED = /^v1\.([\da-f]{8})\.([\w-]+)$/;

function open({ keyId, bytes }: ReturnType<typeof parse>, key: Buffer, binding: Binding): string {
  const tagAt = bytes.length - TAG_BYTES;
  const nonce = bytes.subarray(0, NONCE_BYTES);
  const decipher = createDecipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(associatedData(keyId, binding));
  decipher.setAuthTag(bytes.subarray(tagAt));
  try {
    const text = decipher.update(bytes.subarray(NONCE_BYTES, tagAt));
    return Buffer.concat([text, decipher.final()]).toString('utf8');
  } catch {
    throw new NotOpenedError('TAMPERED', 'it was changed, or belongs to another integration or address');
  }
}

function parse(sealed: string) {
  const [, keyId = '', text = ''] = SEALED.exec(sealed) ?? [];
  const bytes = Buffer.from(text, 'base64url');
  // several texts decode to the same bytes; only the canonical one is accepted
  const isWhole = bytes.length >= NONCE_BYTES + TAG_BYTES && bytes.toString('base64url') === text;
  if (!isWhole) throw new NotOpenedError('MALFORMED', 'it does not have the format of an encrypted token');
  return { keyId, bytes };
}

function associatedData(keyId: string, { integration, purpose, audience }: Binding): Buffer {
  return Buffer.from(
    JSON.stringify(['abnormal-graphql-gateway', 'v1', keyId, purpose, integration, audience]),
  );
}

/** In bytes. */
const KEY_BYTES = 32;

export const MAKES_KEY = 'abnormal-gateway keys encryption';

/** Parses a key in hex or base64 (also URL-safe, padded or not); `null` if invalid. */
export function parseEncryptionKey(text: string): Buffer | null {
  const isHex = /^[\da-f]{64}$/i.test(text);
  if (!isHex && !/^[\w+/-]{43}=?$/.test(text)) return null;
  const key = Buffer.from(text, isHex ? 'hex' : 'base64');
  // a key of one repeated byte is an example, not random
  const isGuessable = key.every((byte) => byte === key[0]);
  return key.length === KEY_BYTES && !isGuessable ? key : null;
}

export function newEncryptionKey(): string {
  return randomBytes(KEY_BYTES).toString('base64');
}

export function encryptionKeyId(key: Buffer): string {
  return createHash('sha256')
    .update('abnormal-graphql-gateway/encryption-key\0')
    .update(key)
    .digest('hex')
    .slice(0, 8);
}

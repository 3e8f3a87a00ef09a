import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

/** To what a sealed text belongs; under any other binding it does not open. */
export interface Binding {
  readonly integration: string;
  /** What the text is for. */
  readonly purpose: string;
  /** Where it may be sent. */
  readonly audience: string;
}

/** Why a sealed text does not open. */
type NotOpenedReason = 'UNKNOWN_KEY' | 'TAMPERED' | 'MALFORMED';

/** A sealed text does not open: it was sealed under another key, changed, or belongs elsewhere. */
export class NotOpenedError extends Error {
  override readonly name = 'NotOpenedError';

  constructor(
    readonly reason: NotOpenedReason,
    message: string,
  ) {
    super(message);
  }
}

/** Seals texts under the current key and opens what any of the known keys sealed. */
export interface Cipher {
  /** The current key's. */
  readonly keyId: string;
  readonly knownKeyIds: readonly string[];
  seal(text: string, binding: Binding): string;
  /** Throws a `NotOpenedError`. */
  open(sealed: string, binding: Binding): string;
}

const ALGORITHM = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** AES-256-GCM under the first of `keys`; the others, older ones, only open. */
export function createCipher([current, ...older]: readonly [Buffer, ...Buffer[]]): Cipher {
  const keyId = encryptionKeyId(current);
  const keys = new Map([...older, current].map((key) => [encryptionKeyId(key), key]));
  return {
    keyId,
    knownKeyIds: [...keys.keys()],
    seal: (text, binding) => seal(text, current, keyId, binding),
    open(sealed, binding) {
      const parts = parse(sealed);
      const key = keys.get(parts.keyId);
      if (!key) throw new NotOpenedError('UNKNOWN_KEY', `it was encrypted with the key ${parts.keyId}`);
      return open(parts, key, binding);
    },
  };
}

/** The id of the key under which a text was sealed; `null` when it is no sealed text. */
export function sealingKeyId(sealed: string): string | null {
  return SEALED.exec(sealed)?.[1] ?? null;
}

// the version, the key's id, then nonce, ciphertext and tag in one
const SEALED = /^v1\.([\da-f]{8})\.([\w-]+)$/;

interface Parts {
  readonly keyId: string;
  readonly bytes: Buffer;
}

function seal(text: string, key: Buffer, keyId: string, binding: Binding): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(associatedData(keyId, binding));
  const bytes = [nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()];
  return `v1.${keyId}.${Buffer.concat(bytes).toString('base64url')}`;
}

function open({ keyId, bytes }: Parts, key: Buffer, binding: Binding): string {
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

function parse(sealed: string): Parts {
  const [, keyId = '', text = ''] = SEALED.exec(sealed) ?? [];
  const bytes = Buffer.from(text, 'base64url');
  // two texts may say the same bytes; only the one that was written is taken
  const isWhole = bytes.length >= NONCE_BYTES + TAG_BYTES && bytes.toString('base64url') === text;
  if (!isWhole) throw new NotOpenedError('MALFORMED', 'it does not have the format of an encrypted token');
  return { keyId, bytes };
}

function associatedData(keyId: string, { integration, purpose, audience }: Binding): Buffer {
  return Buffer.from(
    JSON.stringify(['abnormal-graphql-gateway', 'v1', keyId, purpose, integration, audience]),
  );
}

/** Bytes of a key. */
const KEY_BYTES = 32;

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
export function encryptionKeyId(key: Buffer): string {
  return createHash('sha256')
    .update('abnormal-graphql-gateway/encryption-key\0')
    .update(key)
    .digest('hex')
    .slice(0, 8);
}

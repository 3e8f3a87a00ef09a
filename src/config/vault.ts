import { keyIdOf, parseEncryptionKey } from '../integrations/encryption-key.js';
import { Secret } from '../values/secret.js';
import type { Reader } from './reader.js';

/** How the tokens of stored integrations are kept, and where they may be sent. */
export interface VaultConfig {
  /** The current key first, then older ones, each of 32 bytes; empty without `ENCRYPTION_KEY`. */
  readonly encryptionKeys: readonly Secret[];
  /** The token that a command is to store; `null` where it comes another way. */
  readonly newToken: Secret | null;
  /** Whether a stored integration may be read from an address in a private network. */
  readonly allowPrivate: boolean;
}

export function readVault(read: Reader): VaultConfig {
  const newToken = read.text('ABNORMAL_NEW_TOKEN');
  return {
    newToken: newToken === null ? null : new Secret(newToken),
    encryptionKeys: encryptionKeys(read),
    allowPrivate: read.oneOf('ALLOW_PRIVATE_ADDRESSES', 'no', ['yes', 'no']) === 'yes',
  };
}

function encryptionKeys(read: Reader): Secret[] {
  const texts = keyTexts(read.text('ENCRYPTION_KEY') ?? '');
  const wrong = wrongWithKeys(texts);
  if (wrong === null) return texts.map((text) => new Secret(text));
  const right =
    'a key as the command "keys encryption" prints it, 32 random bytes in base64 or hex; older keys may follow, each after a comma';
  read.refuse('ENCRYPTION_KEY', wrong, right, '<key>');
  return [];
}

/** What is wrong, without repeating any of it. */
function wrongWithKeys(texts: readonly string[]): string | null {
  const keys = texts.map(parseEncryptionKey);
  const bad = keys.indexOf(null);
  if (bad !== -1) {
    const which = texts.length === 1 ? 'is' : `has as number ${bad + 1} of ${texts.length} what is`;
    return `${which} not a key of 32 random bytes`;
  }
  const ids = keys.flatMap((key) => (key === null ? [] : keyIdOf(key)));
  return new Set(ids).size < ids.length ? 'names one key twice' : null;
}

function keyTexts(text: string): string[] {
  return text === '' ? [] : text.split(',').map((part) => part.trim());
}

/** Every way in which the keys of `text` may be written, to be kept out of logs. */
export function formsOfKeys(text: string): string[] {
  return keyTexts(text).flatMap((given) => {
    const key = parseEncryptionKey(given);
    const forms = key && [key.toString('hex'), key.toString('base64'), key.toString('base64url')];
    return [given, ...(forms ?? [])];
  });
}

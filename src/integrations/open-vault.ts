import type { HistoryStore } from '../history/store.js';
import type { Secret } from '../values/secret.js';
import { type Cipher, createCipher } from './cipher.js';
import { createVault } from './document-vault.js';
import { parseEncryptionKey } from './encryption-key.js';
import type { Vault } from './vault.js';

export interface VaultSettings {
  /** The current key first; empty without any. */
  readonly encryptionKeys: readonly Secret[];
  readonly allowPrivate: boolean;
}

/** The vault of a history, unchecked: for whoever must mend one that does not open. */
export function vaultOf(store: HistoryStore, settings: VaultSettings, clock: () => number): Vault {
  const { encryptionKeys, allowPrivate } = settings;
  return createVault({ store, cipher: cipherOf(encryptionKeys), allowPrivate, clock });
}

/**
 * The vault of a history, in which every stored token opens. Throws a `VaultError` that says what to do when
 * one does not: the key is wrong, or missing, or what is stored was changed.
 */
export async function openVault(
  store: HistoryStore,
  settings: VaultSettings,
  clock: () => number,
): Promise<Vault> {
  const vault = vaultOf(store, settings, clock);
  await vault.check();
  return vault;
}

function cipherOf(keys: readonly Secret[]): Cipher | null {
  const [current, ...older] = keys.map((key) => keyOf(key.reveal()));
  return current ? createCipher([current, ...older]) : null;
}

function keyOf(text: string): Buffer {
  const key = parseEncryptionKey(text);
  if (key) return key;
  throw new TypeError('an encryption key that is none');
}

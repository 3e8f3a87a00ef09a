import type { Cipher, NotOpenedError } from './cipher.js';
import { MAKES_KEY } from './encryption-key.js';
import { VaultError } from './vault-error.js';

/** The sealed token of the integration `name` does not open. */
export function notOpened(name: string, error: NotOpenedError, cipher: Cipher): VaultError {
  const { reason, message } = error;
  const known = cipher.knownKeyIds.join(', ');
  const again = `give its token again (integrations rotate ${name}) or remove it (integrations remove ${name}; its history stays)`;
  const what =
    reason === 'UNKNOWN_KEY'
      ? `ENCRYPTION_KEY is not the key for the token of the integration "${name}": ${message}, and ENCRYPTION_KEY holds ${known}. Put that key back, after the current one and a comma (current,older). If it is lost, ${again}.`
      : `The stored token of the integration "${name}" does not open: ${message}. Restore the history from a backup, or ${again}.`;
  return new VaultError('NOT_OPENED', what, { cause: error });
}

/** There is no key to keep a token under, or to open that of the integration `name` with. */
export function noKey(name: string | null): VaultError {
  const what =
    name === null
      ? `A token is only kept encrypted, and ENCRYPTION_KEY is not set. Make one with: ${MAKES_KEY}`
      : `The integration "${name}" is stored, and ENCRYPTION_KEY, under which its token is encrypted, is not set. Set it to the key that was there when the integration was added; if that is lost, remove the integration (integrations remove ${name}; its history stays).`;
  return new VaultError('NO_KEY', what);
}

export function heldAlready(name: string): VaultError {
  const what = `That is the token that "${name}" has already: make a new one in the Abnormal portal (Settings → Integrations → Abnormal REST API).`;
  return new VaultError('BAD_TOKEN', what);
}

export function badAddress(wrong: string, right: string): VaultError {
  return new VaultError('BAD_ADDRESS', `The address ${wrong}. Right: ${right}.`);
}

export function exists(name: string): VaultError {
  const what = `An integration "${name}" is there already. For another token: integrations rotate ${name}`;
  return new VaultError('EXISTS', what);
}

export function notFound(name: string): VaultError {
  return new VaultError('NOT_FOUND', `No integration "${name}" is stored. Those that are: integrations list`);
}

export function busy(name: string): VaultError {
  return new VaultError('BUSY', `Others keep changing the integration "${name}"; try again.`);
}

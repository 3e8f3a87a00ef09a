import { type Signer, signerOf } from '../evidence/seal/signing-key.js';
import { isLoopback } from '../integrations/address.js';
import type { Reader } from './reader.js';

/** How what is recorded is sealed. */
export interface ProofConfig {
  /** Signs seals and packs; `null`: they are chained, and not signed. */
  readonly signer: Signer | null;
  /** Where each seal's hash goes besides: `https://…` or `file:…`. */
  readonly hook: string | null;
}

export function readProof(read: Reader): ProofConfig {
  return { signer: signer(read), hook: hook(read) };
}

function signer(read: Reader): Signer | null {
  const text = read.text('SIGNING_KEY');
  if (text === null) return null;
  try {
    return signerOf(text);
  } catch (error) {
    const wrong = error instanceof RangeError ? error.message : 'cannot be read';
    const right = 'an Ed25519 private key as the command "keys signing" prints it (PKCS#8 in base64, or PEM)';
    read.refuse('SIGNING_KEY', wrong, right, '<key>');
    return null;
  }
}

function hook(read: Reader): string | null {
  const text = read.text('SEAL_HOOK');
  if (text === null) return null;
  const wrong = wrongWithHook(text);
  if (wrong === null) return text;
  const right = 'an https address (plain http only to this machine itself), or file: and a path';
  read.refuse('SEAL_HOOK', wrong, right, 'file:/var/log/abnormal-seals.ndjson');
  return null;
}

/** What is wrong, without repeating what may hold a credential. */
function wrongWithHook(text: string): string | null {
  if (/^file:./.test(text)) return null;
  if (!URL.canParse(text)) return 'is neither a URL nor a file';
  const { protocol, hostname } = new URL(text);
  if (protocol === 'https:') return null;
  if (protocol !== 'http:') return `begins with ${protocol}`;
  return isLoopback(hostname) ? null : 'would post over plain http, where what is posted can be changed';
}

/** What must not be logged of it. */
export function secretsInProof(values: Readonly<Record<string, string>>): string[] {
  const { SIGNING_KEY = '', SEAL_HOOK = '' } = values;
  const { username = '', password = '', search = '' } = /^https?:/.test(SEAL_HOOK) ? urlOf(SEAL_HOOK) : {};
  // addresses of such hooks often are the credential
  return [SIGNING_KEY, username, password, search, search === '' ? '' : SEAL_HOOK];
}

function urlOf(text: string): Partial<URL> {
  return URL.canParse(text) ? new URL(text) : {};
}

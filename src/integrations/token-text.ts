import type { Secret } from '../values/secret.js';
import { VaultError } from './vault-error.js';

/** What a token is, for a person who has given something else. */
export const RIGHT_TOKEN =
  'the token alone, as Abnormal showed it once (Settings → Integrations → Abnormal REST API)';

/** What keeps `text` from being a token, as a predicate that does not repeat it; `null` when nothing does. */
export function wrongWithToken(text: string): string | null {
  if (text === '') return 'is empty';
  if (/^bearer\s/i.test(text)) return 'begins with the word "Bearer"';
  if (/^(["']).*\1$/.test(text)) return 'is in quotation marks';
  if (!/^[\w.~+/=-]+$/.test(text)) return 'has blanks or other characters that no token has';
  if (text.length < 8) return `has only ${text.length} characters`;
  return text.length > 8192 ? 'is longer than any token' : null;
}

/** Throws a `VaultError` for what cannot be a token. */
export function checkToken(token: Secret): void {
  const wrong = wrongWithToken(token.reveal());
  if (wrong !== null) throw new VaultError('BAD_TOKEN', `The token ${wrong}. Right: ${RIGHT_TOKEN}.`);
}

/** What is shown of a token. */
export function hintOf(token: Secret): string {
  return tokenHint(token.reveal());
}

/** By what people tell tokens apart: the last four characters, where enough stays unknown; else nothing. */
export function tokenHint(token: string): string {
  return token.length < 12 ? '' : token.slice(-4);
}

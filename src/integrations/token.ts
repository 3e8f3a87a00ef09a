import { excessNote } from '../model/token-permissions.js';
import { DAY, type Instant, toMillis } from '../values/instant.js';
import type { Secret } from '../values/secret.js';
import { VaultError } from './vault.js';

export const RIGHT_TOKEN =
  'the token alone, as Abnormal showed it once (Settings → Integrations → Abnormal REST API)';

/** Why `text` is not a token, without repeating it; `null` if it may be one. */
export function wrongWithToken(text: string): string | null {
  if (text === '') return 'is empty';
  if (/^bearer\s/i.test(text)) return 'begins with the word "Bearer"';
  if (/^(["']).*\1$/.test(text)) return 'is in quotation marks';
  if (!/^[\w.~+/=-]+$/.test(text)) return 'has blanks or other characters that no token has';
  if (text.length < 8) return `has only ${text.length} characters`;
  return text.length > 8192 ? 'is longer than any token' : null;
}

export function checkToken(token: Secret): void {
  const wrong = wrongWithToken(token.reveal());
  if (wrong !== null) throw new VaultError('BAD_TOKEN', `The token ${wrong}. Right: ${RIGHT_TOKEN}.`);
}

export function hintOf(token: Secret): string {
  return tokenHint(token.reveal());
}

/** The last four characters if enough stays unknown, otherwise empty. */
export function tokenHint(token: string): string {
  return token.length < 12 ? '' : token.slice(-4);
}

export const TOKEN_STATES = ['OK', 'EXPIRING', 'ROTATION_DUE', 'REJECTED', 'UNKNOWN'] as const;

export type TokenState = (typeof TOKEN_STATES)[number];

export interface TokenSituation {
  /** When Abnormal created it; `null` if unknown. */
  readonly issuedAt: Instant | null;
  readonly expiresAt: Instant | null;
  /** Since when the gateway has it. */
  readonly storedAt: Instant | null;
  readonly permissions?: readonly string[] | undefined;
  readonly isRejected: boolean;
}

const ROTATION_AGE = 90 * DAY;
const NOTICE = 14 * DAY;

/**
 * `ROTATION_DUE` after its expiry or 90 days, whichever is first; `EXPIRING` in the 14 days before; `UNKNOWN`
 * without any date.
 */
export function tokenState(token: TokenSituation, now: Instant): TokenState {
  if (token.isRejected) return 'REJECTED';
  const by = replaceBy(token);
  if (by === null) return 'UNKNOWN';
  const left = toMillis(by) - toMillis(now);
  if (left <= 0) return 'ROTATION_DUE';
  return left < NOTICE ? 'EXPIRING' : 'OK';
}

/** When the token must be replaced; `null` if unknown. */
export function replaceBy(token: TokenSituation): Instant | null {
  const since = token.issuedAt ?? token.storedAt;
  const byAge = since === null ? null : new Date(toMillis(since) + ROTATION_AGE).toISOString();
  if (byAge === null || token.expiresAt === null) return byAge ?? token.expiresAt;
  return byAge < token.expiresAt ? byAge : token.expiresAt;
}

/** `how` explains how to replace the token. Also mentions more than read permissions. */
export function describeTokenState(token: TokenSituation, now: Instant, how: string): string {
  const note = excessNote(token.permissions);
  return note === null ? stateText(token, now, how) : `${stateText(token, now, how)} ${note}`;
}

function stateText(token: TokenSituation, now: Instant, how: string): string {
  const end = token.expiresAt === null ? null : endText(token.expiresAt, now);
  const age = ageOf(token, now);
  const old = age === null ? null : `is ${daysText(age)} old`;
  const facts = [end, old].filter((text) => text !== null).join(' and ');
  switch (tokenState(token, now)) {
    case 'OK':
      return `The token ${facts}.`;
    case 'EXPIRING':
      return `The token ${facts}: replace it by ${replaceBy(token)?.slice(0, 10)}. ${how}`;
    case 'ROTATION_DUE':
      return `The token ${facts}: replace it now. ${how}`;
    case 'REJECTED':
      return `Abnormal refuses the token: it is mistyped, has expired or was revoked, or belongs to another region. ${how}`;
    case 'UNKNOWN':
      return 'Neither the age of the token nor when it ends is known.';
  }
}

function ageOf({ issuedAt, storedAt }: TokenSituation, now: Instant): number | null {
  const since = issuedAt ?? storedAt;
  return since === null ? null : Math.max(0, toMillis(now) - toMillis(since));
}

/** `ends on 2026-04-01`, or `ended on` for a date before `now`. */
export function endText(expiresAt: Instant, now: Instant): string {
  return `${expiresAt <= now ? 'ended' : 'ends'} on ${expiresAt.slice(0, 10)}`;
}

function daysText(ms: number): string {
  const days = Math.floor(ms / DAY);
  return days === 1 ? '1 day' : `${days} days`;
}

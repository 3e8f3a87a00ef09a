import { DAY, earliest, type Instant, shift, toMillis } from '../values/instant.js';

export interface TokenTimes {
  /** `null` if Abnormal does not say. */
  readonly issuedAt: Instant | null;
  readonly expiresAt: Instant | null;
  /** Missing if Abnormal does not say. */
  readonly permissions?: readonly string[] | undefined;
}

/** Stored about a token, next to it or instead of it. */
export interface TokenFacts extends TokenTimes {
  /** When the gateway got it, or first saw it in the environment (UTC). */
  readonly storedAt: Instant;
}

export interface EarlierToken extends TokenFacts {
  readonly replacedAt: Instant;
}

/** The earlier ones are sorted, oldest first. */
export interface KnownTokens {
  readonly token: TokenFacts;
  readonly earlierTokens: readonly EarlierToken[];
}

export interface TokenHistory {
  readonly integration: string;
  /** `replacedAt` is `null` for the current one, which is the last. */
  readonly tokens: readonly (TokenFacts & { readonly replacedAt: Instant | null })[];
}

/** At one in 90 days, more than ten years. */
export const EARLIER_TOKENS_KEPT = 50;

export function factsOf({ storedAt, issuedAt, expiresAt, permissions }: TokenFacts): TokenFacts {
  return { storedAt, issuedAt, expiresAt, ...(permissions && { permissions }) };
}

export function hasTokenTimes(facts: TokenFacts, told: TokenTimes): boolean {
  const isSame = facts.issuedAt === told.issuedAt && facts.expiresAt === told.expiresAt;
  return isSame && facts.permissions?.join() === told.permissions?.join();
}

export function withTokenTimes<T extends TokenFacts>(facts: T, told: TokenTimes): T {
  const { issuedAt, expiresAt, permissions } = told;
  const { permissions: _earlier, ...others } = facts;
  return { ...others, issuedAt, expiresAt, ...(permissions && { permissions }) } as T;
}

/** For a person who has entered something else. */
export const RIGHT_TOKEN =
  'only the token, as Abnormal displayed it (Settings → Integrations → Abnormal REST API)';

/** Why `text` is no token, without repeating it; `null` if it may be one. */
export function wrongWithToken(text: string): string | null {
  if (text === '') return 'is empty';
  if (/^bearer\s/i.test(text)) return 'begins with the word "Bearer"';
  if (/^(["']).*\1$/.test(text)) return 'is in quotation marks';
  if (!/^[\w.~+/=-]+$/.test(text)) return 'contains spaces or other characters that tokens never contain';
  if (text.length < 8) return `has only ${text.length} characters`;
  return text.length > 8192 ? 'is longer than any token' : null;
}

export const TOKEN_STATES = ['OK', 'EXPIRING', 'ROTATION_DUE', 'REJECTED', 'UNKNOWN'] as const;

export type TokenState = (typeof TOKEN_STATES)[number];

export interface TokenSituation extends TokenTimes {
  readonly storedAt: Instant | null;
  /** Whether Abnormal refused its last use. */
  readonly isRejected: boolean;
}

export const UNKNOWN_TOKEN: TokenSituation = {
  ...{ issuedAt: null, expiresAt: null, storedAt: null, isRejected: false },
};

const ROTATION_AGE = 90 * DAY;
const NOTICE = 14 * DAY;

/**
 * The state at `now`, by the day on which the token must be replaced: its expiry or 90 days after its issue, whichever
 * is first. `ROTATION_DUE` from then on, `EXPIRING` in the 14 days before, `UNKNOWN` without both dates.
 */
export function tokenState(token: TokenSituation, now: Instant): TokenState {
  if (token.isRejected) return 'REJECTED';
  const by = replaceBy(token);
  if (by === null) return 'UNKNOWN';
  const left = toMillis(by) - toMillis(now);
  if (left <= 0) return 'ROTATION_DUE';
  return left < NOTICE ? 'EXPIRING' : 'OK';
}

/** `null` if neither its age nor its expiry is known. */
export function replaceBy(token: TokenSituation): Instant | null {
  const since = knownSince(token);
  const byAge = since === null ? null : shift(since, ROTATION_AGE);
  if (byAge === null || token.expiresAt === null) return byAge ?? token.expiresAt;
  return earliest(byAge, token.expiresAt);
}

/**
 * With what to do: `how` replaces this integration's token. Says also if the token may do more than the gateway needs.
 */
export function describeTokenState(token: TokenSituation, now: Instant, how: string): string {
  const note = excessNote(token.permissions);
  return note === null ? stateText(token, now, how) : `${stateText(token, now, how)} ${note}`;
}

function stateText(token: TokenSituation, now: Instant, how: string): string {
  const end = token.expiresAt === null ? null : endText(token.expiresAt, now);
  const since = knownSince(token);
  const old = since === null ? null : `is ${daysText(Math.max(0, toMillis(now) - toMillis(since)))} old`;
  const facts = [end, old].filter((text) => text !== null).join(' and ');
  switch (tokenState(token, now)) {
    case 'OK':
      return `The token ${facts}.`;
    case 'EXPIRING':
      return `The token ${facts}: replace it by ${replaceBy(token)?.slice(0, 10)}. ${how}`;
    case 'ROTATION_DUE':
      return `The token ${facts}: replace it now. ${how}`;
    case 'REJECTED':
      return `Abnormal rejects the token: it is mistyped, has expired or was revoked, or belongs to another region. ${how}`;
    case 'UNKNOWN':
      return 'Neither the age nor the end of the token is known.';
  }
}

function knownSince({ issuedAt, storedAt }: TokenSituation): Instant | null {
  return issuedAt ?? storedAt;
}

/** `ends on 2026-04-01`, or `ended on` if that has passed. */
export function endText(expiresAt: Instant, now: Instant): string {
  return `${expiresAt <= now ? 'expired' : 'expires'} on ${expiresAt.slice(0, 10)}`;
}

function daysText(ms: number): string {
  const days = Math.floor(ms / DAY);
  return days === 1 ? '1 day' : `${days} days`;
}

// The names of a token's permissions (`soar_v1_read_threats`, `soar_v1_manage_threat`) are not documented, so
// their words decide: a name without "read" is more than reading.

const READS: ReadonlySet<string> = new Set(['read', 'view', 'list', 'get', 'retrieve']);
const ACTS: ReadonlySet<string> = new Set([
  ...['write', 'manage', 'create', 'update', 'delete', 'remove', 'edit', 'modify', 'remediate', 'execute'],
]);

/** Permissions beyond reading; none if Abnormal does not say. */
export function permissionsToAct(permissions: readonly string[] | null | undefined): string[] {
  return (permissions ?? []).filter((permission) => {
    const words = permission
      .replace(/([a-z])([A-Z])/g, '$1 $2')
      .toLowerCase()
      .split(/[^a-z]+/);
    return words.some((word) => ACTS.has(word)) || !words.some((word) => READS.has(word));
  });
}

const MOST_NAMED = 5;

/** A sentence about a token that may do more than read; otherwise `null`. */
export function excessNote(permissions: readonly string[] | null | undefined): string | null {
  const acting = permissionsToAct(permissions);
  if (acting.length === 0) return null;
  const others = acting.length > MOST_NAMED ? ` and ${acting.length - MOST_NAMED} more` : '';
  const named = acting.slice(0, MOST_NAMED).join(', ');
  return `The token has write permissions (${named}${others}). The gateway only reads: use a token with read permissions only.`;
}

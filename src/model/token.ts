import { DAY, earliest, type Instant, shift, toMillis } from '../values/instant.js';

/** What Abnormal says of a token. */
export interface TokenTimes {
  /** When Abnormal made it, and when it ends; `null` where Abnormal does not say. */
  readonly issuedAt: Instant | null;
  readonly expiresAt: Instant | null;
  /** What it may do; absent where Abnormal does not say. */
  readonly permissions?: readonly string[] | undefined;
}

/** What is stored about a token, next to the token or in its place. */
export interface TokenFacts extends TokenTimes {
  /** When it was given to the gateway, or first seen in the environment (UTC). */
  readonly storedAt: Instant;
}

/** A token that another has replaced. */
export interface EarlierToken extends TokenFacts {
  readonly replacedAt: Instant;
}

/** An integration's present token and those before it, oldest first. */
export interface KnownTokens {
  readonly token: TokenFacts;
  readonly earlierTokens: readonly EarlierToken[];
}

/** The tokens of an integration that are remembered, the present one last. */
export interface TokenHistory {
  readonly integration: string;
  /** `replacedAt` is `null` for the present one. */
  readonly tokens: readonly (TokenFacts & { readonly replacedAt: Instant | null })[];
}

/** How many earlier tokens are remembered: at one in 90 days, more than ten years. */
export const EARLIER_TOKENS_KEPT = 50;

/** The facts alone of something that holds more. */
export function factsOf({ storedAt, issuedAt, expiresAt, permissions }: TokenFacts): TokenFacts {
  return { storedAt, issuedAt, expiresAt, ...(permissions && { permissions }) };
}

/** Whether what Abnormal says of a token is what is noted of it. */
export function hasTokenTimes(facts: TokenFacts, told: TokenTimes): boolean {
  const isSame = facts.issuedAt === told.issuedAt && facts.expiresAt === told.expiresAt;
  return isSame && facts.permissions?.join() === told.permissions?.join();
}

/** What is stored of a token, with what Abnormal says of it now. */
export function withTokenTimes<T extends TokenFacts>(facts: T, told: TokenTimes): T {
  const { issuedAt, expiresAt, permissions } = told;
  const { permissions: _earlier, ...others } = facts;
  return { ...others, issuedAt, expiresAt, ...(permissions && { permissions }) } as T;
}

/** What a token is, for a person who has given something else. */
export const RIGHT_TOKEN =
  'only the token, as Abnormal displayed it (Settings → Integrations → Abnormal REST API)';

/** What keeps `text` from being a token, as a predicate that does not repeat it; `null` when nothing does. */
export function wrongWithToken(text: string): string | null {
  if (text === '') return 'is empty';
  if (/^bearer\s/i.test(text)) return 'begins with the word "Bearer"';
  if (/^(["']).*\1$/.test(text)) return 'is in quotation marks';
  if (!/^[\w.~+/=-]+$/.test(text)) return 'contains spaces or other characters that tokens never contain';
  if (text.length < 8) return `has only ${text.length} characters`;
  return text.length > 8192 ? 'is longer than any token' : null;
}

export const TOKEN_STATES = ['OK', 'EXPIRING', 'ROTATION_DUE', 'REJECTED', 'UNKNOWN'] as const;

/** How an integration's token stands. */
export type TokenState = (typeof TOKEN_STATES)[number];

/** What the state of a token depends on. */
export interface TokenSituation extends TokenTimes {
  readonly storedAt: Instant | null;
  /** Whether Abnormal refused it when it was last used. */
  readonly isRejected: boolean;
}

/** The situation of a token that nothing is known about. */
export const UNKNOWN_TOKEN: TokenSituation = {
  ...{ issuedAt: null, expiresAt: null, storedAt: null, isRejected: false },
};

/** A token must be replaced at this age. */
const ROTATION_AGE = 90 * DAY;
/** The warning begins this long before a token must be replaced. */
const NOTICE = 14 * DAY;

/**
 * The state of a token at `now`, from the day by which it must be replaced: when it ends or is 90 days old,
 * whichever comes first. `ROTATION_DUE` from then on, `EXPIRING` in the 14 days before. `UNKNOWN`: neither its age
 * nor its end is known.
 */
export function tokenState(token: TokenSituation, now: Instant): TokenState {
  if (token.isRejected) return 'REJECTED';
  const by = replaceBy(token);
  if (by === null) return 'UNKNOWN';
  const left = toMillis(by) - toMillis(now);
  if (left <= 0) return 'ROTATION_DUE';
  return left < NOTICE ? 'EXPIRING' : 'OK';
}

/** When the token must have been replaced; `null` where nothing says so. */
export function replaceBy(token: TokenSituation): Instant | null {
  const since = knownSince(token);
  const byAge = since === null ? null : shift(since, ROTATION_AGE);
  if (byAge === null || token.expiresAt === null) return byAge ?? token.expiresAt;
  return earliest(byAge, token.expiresAt);
}

/**
 * The state in words, with what to do; `how` is what replaces this integration's token. Says too if the token may do
 * more than the gateway needs.
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

/** From when its age counts. */
function knownSince({ issuedAt, storedAt }: TokenSituation): Instant | null {
  return issuedAt ?? storedAt;
}

/** `ends on 2026-04-01`, or `ended on` for an end that has passed at `now`. */
export function endText(expiresAt: Instant, now: Instant): string {
  return `${expiresAt <= now ? 'expired' : 'expires'} on ${expiresAt.slice(0, 10)}`;
}

function daysText(ms: number): string {
  const days = Math.floor(ms / DAY);
  return days === 1 ? '1 day' : `${days} days`;
}

/*
 * What a token may do, by the names of its permissions (`soar_v1_read_threats`, `soar_v1_manage_threat`). Abnormal
 * publishes no list of these names, so their words decide. A name that does not say "read" counts as more than
 * reading: the note that follows is harmless, a missing one is not.
 */

const READS: ReadonlySet<string> = new Set(['read', 'view', 'list', 'get', 'retrieve']);
const ACTS: ReadonlySet<string> = new Set([
  ...['write', 'manage', 'create', 'update', 'delete', 'remove', 'edit', 'modify', 'remediate', 'execute'],
]);

/** The permissions that go beyond reading; none where Abnormal does not say what a token may do. */
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

/** A sentence about a token that may do more than read; `null` for any other. */
export function excessNote(permissions: readonly string[] | null | undefined): string | null {
  const acting = permissionsToAct(permissions);
  if (acting.length === 0) return null;
  const others = acting.length > MOST_NAMED ? ` and ${acting.length - MOST_NAMED} more` : '';
  const named = acting.slice(0, MOST_NAMED).join(', ');
  return `The token has write permissions (${named}${others}). The gateway only reads: use a token with read permissions only.`;
}

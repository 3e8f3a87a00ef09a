import { excessNote } from '../model/token-permissions.js';
import { DAY, type Instant, toMillis } from '../values/instant.js';

export const TOKEN_STATES = ['OK', 'EXPIRING', 'ROTATION_DUE', 'REJECTED', 'UNKNOWN'] as const;

/** How an integration's token stands. */
export type TokenState = (typeof TOKEN_STATES)[number];

/** What is known of a token, as far as its state depends on it. */
export interface TokenSituation {
  /** When Abnormal made it; `null` where it does not say. */
  readonly issuedAt: Instant | null;
  readonly expiresAt: Instant | null;
  /** Since when the gateway has had it. */
  readonly storedAt: Instant | null;
  /** What it may do; absent where Abnormal does not say. */
  readonly permissions?: readonly string[] | undefined;
  /** Whether Abnormal refused it when it was last used. */
  readonly isRejected: boolean;
}

/** A token must be replaced at this age. */
export const ROTATION_AGE = 90 * DAY;
/** The warning begins this long before a token must be replaced. */
export const NOTICE = 14 * DAY;

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
  const since = token.issuedAt ?? token.storedAt;
  const byAge = since === null ? null : new Date(toMillis(since) + ROTATION_AGE).toISOString();
  if (byAge === null || token.expiresAt === null) return byAge ?? token.expiresAt;
  return byAge < token.expiresAt ? byAge : token.expiresAt;
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

/** `ends on 2026-04-01`, or `ended on` for an end that has passed at `now`. */
export function endText(expiresAt: Instant, now: Instant): string {
  return `${expiresAt <= now ? 'ended' : 'ends'} on ${expiresAt.slice(0, 10)}`;
}

function daysText(ms: number): string {
  const days = Math.floor(ms / DAY);
  return days === 1 ? '1 day' : `${days} days`;
}

import type { ApiToken } from '../abnormal/client.js';
import { excessNote } from '../model/token-permissions.js';
import type { Instant } from '../values/instant.js';
import { endText } from './token-state.js';
import type { TokenTimes } from './vault.js';

/** What the list of a customer's tokens says of the one that is in use. */
export interface Told {
  readonly outcome: 'WORKS' | 'NOT_ANSWERED';
  /** How many valid tokens there are; `null` where Abnormal does not tell. */
  readonly seen: number | null;
  readonly message: string;
  /** `null` where it cannot be told which token it is. */
  readonly token: TokenTimes | null;
}

const BY_AGE = 'its age counts from when it was given to the gateway, and it must be replaced after 90 days';

/** Finds the token of the integration `name` among the customer's; `null` where Abnormal does not list them. */
export function readTold(tokens: readonly ApiToken[] | null, name: string, now: Instant): Told {
  if (tokens === null) {
    const message = `Abnormal does not tell this account when its token ends: ${BY_AGE}.`;
    return { outcome: 'NOT_ANSWERED', seen: null, message, token: null };
  }
  const valid = tokens.filter((token) => isValid(token, now));
  const own = ownAmong(valid, name);
  if (own === null) return { ...NOT_TOLD, seen: valid.length, message: unclear(valid.length, name) };
  const { createdAt: issuedAt, expiresAt, permissions } = own;
  const message = [endOf(expiresAt, now), mayOf(permissions)].filter((text) => text !== null).join(' ');
  const token = { issuedAt, expiresAt, ...(permissions && { permissions }) };
  return { outcome: 'WORKS', seen: valid.length, message, token };
}

const NOT_TOLD = { outcome: 'NOT_ANSWERED', token: null } as const;

function isValid({ status, expiresAt }: ApiToken, now: Instant): boolean {
  return (status === null || status === 'active') && (expiresAt === null || expiresAt > now);
}

/** Nothing says which token a request was made with: the only valid one, or the only one of the integration's name. */
function ownAmong(valid: readonly ApiToken[], name: string): ApiToken | null {
  const named = valid.filter((token) => token.name?.trim().toLowerCase() === name);
  const [own, ...others] = valid.length === 1 ? valid : named;
  return own && others.length === 0 ? own : null;
}

function unclear(count: number, name: string): string {
  if (count === 0) return `Abnormal lists no valid token, though this one works: ${BY_AGE}.`;
  const advice = `Give one, and no other, the name "${name}" in the Abnormal portal to have its end known; until then ${BY_AGE}`;
  return `Abnormal lists ${count} valid tokens and does not say which of them this is. ${advice}.`;
}

function endOf(expiresAt: Instant | null, now: Instant): string {
  if (expiresAt === null) return `Abnormal does not say when the token ends: ${BY_AGE}.`;
  return `The token ${endText(expiresAt, now)}.`;
}

function mayOf(permissions: readonly string[] | null): string | null {
  if (permissions === null) return null;
  return excessNote(permissions) ?? `Its permissions: ${permissions.join(', ')}.`;
}

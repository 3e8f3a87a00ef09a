import { type Instant, toMillis } from '../values/instant.js';
import { type Answer, failure, json } from './answer.js';

/** One of the customer's API tokens. */
export interface SimulatedToken {
  readonly id: string;
  readonly name: string;
  readonly createdAt: Instant;
  readonly expiresAt: Instant;
  /** By the clock, unless it was revoked. */
  readonly isRevoked?: boolean;
  /** `soar_v1_read_threats` unless given. */
  readonly permissions?: readonly string[];
}

/** Answers `/soar/tokens`: those that are valid unless all are asked for, as many as are asked for. */
export function tokensAnswer(
  tokens: readonly SimulatedToken[],
  params: URLSearchParams,
  now: number,
): Answer {
  const limit = Number(params.get('limit') ?? 50);
  const offset = Number(params.get('offset') ?? 0);
  if (!Number.isInteger(limit) || limit < 1 || limit > 200 || !Number.isInteger(offset) || offset < 0) {
    return failure(400, 'limit must be 1 to 200, and offset at least 0');
  }
  const isAll = params.get('show_all') === 'true';
  const shown = tokens
    .filter((token) => toMillis(token.createdAt) <= now)
    .map((token) => ({ token, status: statusOf(token, now) }))
    .filter(({ status }) => isAll || status === 'active')
    .sort(orderOf(params.get('sort_by') ?? '-created_at'));
  const data = shown.slice(offset, offset + limit).map(({ token, status }) => described(token, status));
  const pagination = { limit, offset, total: shown.length };
  return json(200, JSON.stringify({ status: 'success', status_code: 200, data, pagination }));
}

function statusOf({ expiresAt, isRevoked = false }: SimulatedToken, now: number): string {
  if (isRevoked) return 'revoked';
  return toMillis(expiresAt) <= now ? 'expired' : 'active';
}

function orderOf(sortBy: string) {
  const key = sortBy.endsWith('expires_at') ? 'expiresAt' : 'createdAt';
  const sign = sortBy.startsWith('-') ? -1 : 1;
  return (a: { token: SimulatedToken }, b: { token: SimulatedToken }) =>
    sign * (toMillis(a.token[key]) - toMillis(b.token[key]));
}

function described({ id, name, createdAt, expiresAt, permissions }: SimulatedToken, status: string) {
  return {
    ...{ token_id: id, name, version: 'v2', status },
    created_at: createdAt,
    expires_at: expiresAt.replace('.000Z', 'Z'),
    permissions: permissions ?? ['soar_v1_read_threats'],
  };
}

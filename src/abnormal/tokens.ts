import { z } from 'zod';
import { decode, type Received } from '../resources/decode.js';
import { instant, requiredId, text, texts } from '../resources/scalars.js';
import type { ApiToken } from './client.js';

const TOKEN = z.looseObject({
  token_id: requiredId,
  name: text,
  status: text,
  created_at: instant,
  expires_at: instant,
  permissions: texts,
});
const PAGE = z.looseObject({ data: z.array(TOKEN) });

/** Reads the list of a customer's API tokens. Throws a `DecodeError` for what is none: no list is no empty list. */
export function decodeTokens(received: Received): ApiToken[] {
  const { data } = decode(PAGE, received, 'the list of API tokens');
  return data.map(({ token_id, name, status, created_at, expires_at, permissions }) => ({
    ...{ id: token_id, name, status: status?.trim().toLowerCase() ?? null },
    ...{ createdAt: created_at, expiresAt: expires_at },
    permissions: bounded(permissions),
  }));
}

/** They are stored with the token, so they are bounded; a token of the older kind has none and is not limited. */
function bounded(permissions: readonly string[] | null): string[] | null {
  if (permissions === null || permissions.length === 0) return null;
  return permissions.slice(0, 200).map((name) => name.slice(0, 100));
}

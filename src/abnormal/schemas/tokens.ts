import { z } from 'zod';
import type { ApiToken } from '../client.js';
import { decode, type Received } from './decode.js';
import { instant, requiredId, text } from './scalars.js';

const TOKEN = z.looseObject({
  token_id: requiredId,
  name: text,
  status: text,
  created_at: instant,
  expires_at: instant,
});
const PAGE = z.looseObject({ data: z.array(TOKEN) });

/** Reads the list of a customer's API tokens. Throws a `DecodeError` for what is none: no list is no empty list. */
export function decodeTokens(received: Received): ApiToken[] {
  const { data } = decode(PAGE, received, 'the list of API tokens');
  return data.map(({ token_id, name, status, created_at, expires_at }) => ({
    ...{ id: token_id, name, status: status?.trim().toLowerCase() ?? null },
    ...{ createdAt: created_at, expiresAt: expires_at },
  }));
}

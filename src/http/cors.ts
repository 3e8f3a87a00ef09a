import cors from '@fastify/cors';
import type { FastifyInstance } from 'fastify';

const DAY_S = 86_400;

/** Lets pages of these origins, and of no other, ask and read answers; nothing is added where there are none. */
export async function addCors(app: FastifyInstance, origins: readonly string[]): Promise<void> {
  if (origins.length === 0) return;
  await app.register(cors, {
    origin: [...origins],
    methods: ['GET', 'POST'],
    allowedHeaders: [
      ...['authorization', 'x-api-key', 'content-type', 'x-request-id', 'apollo-require-preflight'],
      ...['apollographql-client-name', 'apollographql-client-version'],
    ],
    exposedHeaders: [
      ...['x-request-id', 'retry-after', 'www-authenticate'],
      ...['ratelimit', 'ratelimit-policy', 'ratelimit-limit', 'ratelimit-remaining', 'ratelimit-reset'],
    ],
    // credentials are sent in a header that the page sets, never by the browser of its own accord
    credentials: false,
    maxAge: DAY_S,
  });
}

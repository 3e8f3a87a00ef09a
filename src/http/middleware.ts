import cors from '@fastify/cors';
import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance } from 'fastify';
import { callerKey } from './authenticate.js';
import { HttpError } from './errors.js';

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

/** What every answer says, those to what is not HTTP included. */
export const SECURITY_HEADERS = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  // for answers, which no browser is to take for pages; a page says what it needs
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
};

const YEAR_S = 31_536_000;

// Apollo Sandbox brings its own policy for scripts, styles and frames, which would be void beside a stricter one
const SANDBOX = "base-uri 'none'; object-src 'none'; form-action 'self'; frame-ancestors 'none'";

/** Tells browsers what not to do with answers; to come only over TLS where the request did. */
export function addSecurityHeaders(app: FastifyInstance): void {
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(SECURITY_HEADERS);
    if (request.protocol === 'https') reply.header('strict-transport-security', `max-age=${YEAR_S}`);
  });
  app.addHook('onSend', async (request, reply) => {
    const isPage = String(reply.getHeader('content-type')).startsWith('text/html');
    if (isPage && request.routeOptions.url === '/graphql') reply.header('content-security-policy', SANDBOX);
  });
}

/** What whoever watches over the gateway asks all the time. */
const FREE: ReadonlySet<string | undefined> = new Set(['/healthz', '/readyz', '/metrics']);

/**
 * Counts the requests of each caller, or of each address where nobody is known, to the routes that are added later,
 * and refuses those beyond `perMinute` before their bodies are read. This machine itself is not counted where
 * callers are not asked who they are.
 */
export async function limitRate(app: FastifyInstance, perMinute: number): Promise<void> {
  await app.register(rateLimit, {
    max: perMinute,
    timeWindow: 60_000,
    enableDraftSpec: true,
    keyGenerator: callerKey,
    allowList: ({ routeOptions, caller }) => FREE.has(routeOptions.url) || caller?.kind === 'LOCAL',
    errorResponseBuilder: (_request, { max, after }) => {
      const message = `Up to ${max} requests a minute are allowed. Retry in ${after}.`;
      return new HttpError(429, 'RATE_LIMITED', message);
    },
  });
}

/**
 * GraphQL over HTTP: where a query cannot be parsed, validated or given its variables, the status is 400, and
 * where its caller's role does not go as far 403, in the media type `application/graphql-response+json`, and 200 in `application/json`, whose older clients take any
 * other status for an answer that is not the graph's. A request that holds no query at all is 400 in both.
 */
export function isQueryErrorInJson(status: number, mediaType: unknown, body: unknown): boolean {
  if (
    (status !== 400 && status !== 403) ||
    !String(mediaType).startsWith('application/json') ||
    typeof body !== 'string'
  )
    return false;
  const { errors = [] } = JSON.parse(body) as { errors?: { extensions?: { code?: string } }[] };
  return errors.length > 0 && errors.every(({ extensions }) => QUERY_ERRORS.has(extensions?.code ?? ''));
}

const QUERY_ERRORS = new Set([
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'BAD_USER_INPUT',
  'FORBIDDEN',
  'LIMIT_EXCEEDED',
  'COST_EXCEEDED',
  'OPERATION_NOT_LISTED',
]);

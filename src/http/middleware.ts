import cors from '@fastify/cors';
import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance } from 'fastify';
import { callerKey } from './authenticate.js';
import { HttpError } from './errors.js';

const DAY_S = 86_400;

/** CORS for these origins only; adds nothing if there are none. */
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
    // credentials are in a header that the page sets, never added by the browser
    credentials: false,
    maxAge: DAY_S,
  });
}

export const SECURITY_HEADERS = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  // for responses that are not pages; pages set their own
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
};

const YEAR_S = 31_536_000;

// Apollo Sandbox has its own policy for scripts, styles and frames, which a stricter one would override
const SANDBOX = "base-uri 'none'; object-src 'none'; form-action 'self'; frame-ancestors 'none'";

/** Adds security headers; HSTS only if the request came over TLS. */
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

const FREE: ReadonlySet<string | undefined> = new Set(['/healthz', '/readyz', '/metrics']);

/**
 * Per caller, or per address without one, before bodies are read. This machine is not limited if
 * authentication is off.
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
 * GraphQL over HTTP: an invalid query gets 400, a role too low 403, in `application/graphql-response+json`;
 * it is 200 in `application/json`, whose older clients accept no other status.
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

import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { constants } from 'node:zlib';
import compress from '@fastify/compress';
import cors from '@fastify/cors';
import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Callers, Identified } from '../callers/callers.js';
import type { RequestFacts } from '../graphql/request/services.js';
import { ANONYMOUS_CALLER, type Caller, hasRole, type Role } from '../values/access.js';
import { HttpError, problem, SECURITY_HEADERS } from './errors.js';
import { prefersPage, sendPage } from './page-route.js';
import { forbiddenPage, forgeryIn, type Refusal, refusedAs, refusedPage, sessionOf } from './sign-in.js';

/** A caller of this role; `OPEN`: everyone; `GRAPH`: a reader, or a browser. The default is admin. */
type RouteAccess = 'OPEN' | 'GRAPH' | Role;

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: RouteAccess;
    /** Whether refused browsers get a page that says how to get access. */
    isPage?: boolean;
  }
  interface FastifyRequest {
    /** Set by the first hook; `null` on open routes. */
    caller: Caller | null;
    /** Of an operation, for the access log. */
    facts: RequestFacts | null;
  }
}

interface AuthenticationOptions {
  readonly callers: Callers;
  /** Whether requests for any host name are accepted if authentication is off. */
  readonly anyHost: boolean;
  /** Whether a browser that opens the graph gets a page; default: true. */
  readonly landingPage?: boolean;
}

export function addAuthentication(app: FastifyInstance, options: AuthenticationOptions): void {
  app.decorateRequest('caller', null);
  app.decorateRequest('facts', null);
  app.addHook('onRequest', async (request, reply) => {
    if (options.anyHost || isFromHere(request) || (await areAsked(options.callers))) return;
    await reply.code(403).send(problem('WRONG_HOST', WRONG_HOST));
  });
  app.addHook('onRequest', async (request, reply) => {
    const access = request.routeOptions.config.access ?? 'admin';
    if (request.is404 || access === 'OPEN') return;
    const identified = await identifyRequest(options.callers, request);
    if (identified.outcome !== 'KNOWN') {
      if (access === 'GRAPH' && options.landingPage !== false && isForPage(request)) return;
      if (isBrowser(request)) return await sendPage(reply, refusedPage(request, identified, reply));
      return await refuse(reply, identified, hasCredential(request));
    }
    const { caller } = identified;
    const forgery = hasSession(request) ? forgeryIn(request) : null;
    if (forgery !== null) return await reply.code(403).send(problem('FORBIDDEN', forgery));
    request.caller = caller;
    const role = access === 'GRAPH' ? 'reader' : access;
    if (hasRole(caller, role)) return;
    if (isBrowser(request)) return await sendPage(reply, forbiddenPage(caller, role));
    const message = `This needs the role ${role}; your role is ${caller.role}.`;
    await reply.code(403).send(problem('FORBIDDEN', message));
  });
}

export async function identifyRequest(callers: Callers, request: FastifyRequest): Promise<Identified> {
  const identified = await callers.identify(presentedBy(request));
  const isLocal = identified.outcome === 'KNOWN' && identified.caller.kind === 'LOCAL';
  return isLocal && isFromElsewhere(request) ? { outcome: 'KNOWN', caller: ANONYMOUS_CALLER } : identified;
}

/** If it cannot be determined, authentication is on. */
export async function areAsked(callers: Callers): Promise<boolean> {
  return callers.areAsked().catch(() => true);
}

/** Whether the request comes from this machine, as far as it shows. */
function isFromHere({ headers }: FastifyRequest): boolean {
  const isForwarded = headers.forwarded !== undefined || headers['x-forwarded-for'] !== undefined;
  return isLocalHost(headers.host) && !isForwarded;
}

/** From a browser on this machine, which `CORS_ORIGINS` allows to read. */
function isFromElsewhere({ headers: { origin, host } }: FastifyRequest): boolean {
  return origin !== undefined && !(URL.canParse(origin) && new URL(origin).host === host);
}

const WRONG_HOST =
  'The request names a host that is not this machine, or was forwarded by a proxy, and authentication is not configured. Create an API key (keys api), or accept every caller with ALLOW_UNAUTHENTICATED=yes.';

/** A browser that opens a page, which gets a page also if it is refused. */
function isBrowser({ headers, routeOptions }: FastifyRequest): boolean {
  return routeOptions.config.isPage === true && prefersPage(headers.accept);
}

/** A browser that opens the address gets a page; otherwise there is no caller. */
function isForPage(request: FastifyRequest): boolean {
  const wantsPage = request.method === 'GET' && (request.headers.accept ?? '').includes('text/html');
  return wantsPage && !hasCredential(request);
}

function presentedBy(request: FastifyRequest) {
  const { headers, ip: address } = request;
  const apiKey = headers['x-api-key']?.toString();
  const session = hasSession(request) ? sessionOf(request) : undefined;
  return { authorization: headers.authorization, apiKey, session, address };
}

function hasCredential({ headers }: FastifyRequest): boolean {
  return headers.authorization !== undefined || headers['x-api-key'] !== undefined;
}

function hasSession(request: FastifyRequest): boolean {
  return request.headers.cookie !== undefined && !hasCredential(request) && sessionOf(request) !== undefined;
}

const REFUSALS = {
  WAIT: 'TOO_MANY_FAILURES',
  UNAVAILABLE: 'AUTHENTICATION_UNAVAILABLE',
  NO_ROLE: 'FORBIDDEN',
  REFUSED: 'UNAUTHENTICATED',
} as const;

function refuse(reply: FastifyReply, refusal: Refusal, isWrong: boolean): FastifyReply {
  const [status, message] = refusedAs(refusal, reply);
  if (status === 503) reply.header('retry-after', '5');
  if (status === 401)
    reply.header('www-authenticate', isWrong ? `${CHALLENGE}, error="invalid_token"` : CHALLENGE);
  return reply.code(status).send(problem(REFUSALS[refusal.outcome], message));
}

const CHALLENGE = 'Bearer realm="abnormal-gateway"';

/**
 * A web page can point its own name at 127.0.0.1 to reach a server that only listens there; such a request
 * has the page's host name.
 */
function isLocalHost(host: string | undefined): boolean {
  const name = (host ?? '').replace(/:\d+$/, '').toLowerCase();
  return name === 'localhost' || name === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(name);
}

/** The key of the rate limit: the caller, or the address without one. */
export function callerKey({ caller, ip }: FastifyRequest): string {
  return caller && caller.kind !== 'ANONYMOUS' ? `${caller.kind} ${caller.id}` : ip;
}

const DAY_S = 86_400;

/** CORS for these origins only; adds nothing if there are none. */
export async function addCors(app: FastifyInstance, origins: readonly string[]): Promise<void> {
  if (origins.length === 0) return;
  await app.register(cors, {
    origin: [...origins],
    methods: ['GET', 'POST'],
    allowedHeaders: [
      ...['authorization', 'x-api-key', 'content-type', 'x-request-id', 'if-none-match', 'last-event-id'],
      ...['apollo-require-preflight', 'x-apollo-operation-name', 'x-apollo-operation-id'],
      ...['apollographql-client-name', 'apollographql-client-version'],
      ...['traceparent', 'tracestate', 'baggage'],
    ],
    exposedHeaders: [
      ...['x-request-id', 'retry-after', 'www-authenticate', 'etag'],
      ...['ratelimit', 'ratelimit-policy', 'ratelimit-limit', 'ratelimit-remaining', 'ratelimit-reset'],
    ],
    // credentials are in a header that the page sets, never added by the browser
    credentials: false,
    // an OPTIONS request without an origin is no error
    strictPreflight: false,
    maxAge: DAY_S,
  });
}

/** Large responses are compressed if the client accepts it. Requests must not be: a small one could become huge. */
export async function addCompression(app: FastifyInstance): Promise<void> {
  await app.register(compress, {
    encodings: ['br', 'gzip'],
    globalDecompression: false,
    // higher levels take several times as long and save little
    brotliOptions: { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } },
    zlibOptions: { level: 5 },
  });
}

/**
 * The body of a GET for the graph, with its digest, or none if the client has it. Answers cannot be declared
 * immutable, also not those with `asOf`: when a version was last verified and what is missing may change later.
 */
export function withEntityTag(request: FastifyRequest, reply: FastifyReply, body: unknown): unknown {
  const isJson = String(reply.getHeader('content-type')).includes('json');
  if (request.method !== 'GET' || reply.statusCode !== 200 || typeof body !== 'string' || !isJson)
    return body;
  // weak, since the compressed body has other bytes
  const tag = `W/"${createHash('sha256').update(body).digest('base64url')}"`;
  reply.headers({ etag: tag, 'cache-control': 'private, no-cache' });
  const vary = [reply.getHeader('vary'), 'accept, authorization, x-api-key, cookie'];
  reply.header('vary', vary.filter(Boolean).join(', '));
  const known = request.headers['if-none-match'] ?? '';
  if (known.trim() !== '*' && !known.split(',').some((each) => each.trim() === tag)) return body;
  reply.code(304).removeHeader('content-length').removeHeader('content-type');
  return null;
}

const PIECE = 128 * 1024;

/** A large body in pieces: encoding or compressing a text of megabytes at once would block the event loop. */
export function inPieces(reply: FastifyReply, body: unknown): unknown {
  if (typeof body !== 'string' || body.length <= 4 * PIECE) return body;
  reply.header('content-length', Buffer.byteLength(body));
  return Readable.from(piecesOf(body), { objectMode: false });
}

async function* piecesOf(text: string): AsyncGenerator<Buffer> {
  for (let from = 0; from < text.length; ) {
    const end = from + PIECE;
    // not between the two halves of a character
    const to = /[\ud800-\udbff]/.test(text[end - 1] ?? '') ? end + 1 : end;
    yield Buffer.from(text.slice(from, to));
    from = to;
    await setImmediate();
  }
}

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

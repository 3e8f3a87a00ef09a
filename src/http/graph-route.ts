import type { ApolloServer } from '@apollo/server';
import { fastifyApolloHandler } from '@as-integrations/fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { GraphQLError } from 'graphql';
import type { Admission } from '../graphql/operation/analyse-operation.js';
import type { GraphObserver } from '../graphql/operation/apollo.js';
import type { PersistedOperations } from '../graphql/operation/persisted-operations.js';
import type { AskedOperation, OperationLimiter, StoredResponse } from '../graphql/operation/pipeline.js';
import { type GatewayContext, noFacts, type RequestInfo } from '../graphql/request/services.js';
import { withParent } from '../tracing.js';
import { type Caller, hasRole } from '../values/access.js';
import { isRecord } from '../values/filter.js';
import { HttpError, problem } from './errors.js';
import type { Feed } from './feed.js';
import { callerKey } from './middleware.js';
import { RefusalThrottle } from './refusal-throttle.js';

export interface GraphLimits {
  readonly limiter: OperationLimiter;
  /** The only operations for readers; `null`: any. */
  readonly persisted: PersistedOperations | null;
  readonly timeoutMs: number;
  /** Counts what is refused before the GraphQL server receives it. */
  readonly observer?: GraphObserver | undefined;
}

interface GraphRouteOptions {
  readonly apollo: ApolloServer<GatewayContext>;
  readonly context: (request: RequestInfo) => GatewayContext;
  /** Without them every operation runs, without a time limit. */
  readonly limits: GraphLimits | undefined;
  /** If missing, the GraphQL server receives every request. */
  readonly stored: StoredResponse | undefined;
  /** Answers with server-sent events. */
  readonly feed: Feed | undefined;
  /** Fires when the caller disconnects, on shutdown, and after the time limit. */
  readonly signalOf: (reply: FastifyReply, timeoutMs?: number) => AbortSignal;
  /** Whether a request was refused; known after its response was sent. */
  readonly wasRefused: (reply: FastifyReply) => boolean;
}

/** The graph at `/graphql`: each operation is admitted or refused before the GraphQL server receives it. */
export function addGraph(app: FastifyInstance, options: GraphRouteOptions): void {
  const { apollo, limits } = options;
  const admissions = new WeakMap<FastifyRequest, Admission>();
  const throttle = new RefusalThrottle();
  const turns = new WeakMap<FastifyRequest, () => void>();
  const contexts = new WeakMap<FastifyRequest, GatewayContext>();
  const contextOf = (request: FastifyRequest, reply: FastifyReply) => {
    const { caller } = request;
    if (caller === null) throw new GraphQLError(NO_PAGE, { extensions: UNAUTHENTICATED });
    const signal = options.signalOf(reply, limits?.timeoutMs);
    const ofCaller = caller.kind === 'LOCAL' ? null : callerKey(request);
    return options.context({
      caller,
      signal,
      admission: admissions.get(request),
      callerKey: ofCaller,
      facts: request.facts ?? undefined,
    });
  };
  const run = fastifyApolloHandler(apollo, {
    context: async (request, reply) => contexts.get(request) ?? contextOf(request, reply),
  });
  const sendStored = async (request: FastifyRequest, reply: FastifyReply, admission?: Admission) => {
    const type = plainMediaType(request);
    if (!options.stored || !admission || type === null) return false;
    const context = contextOf(request, reply);
    contexts.set(request, context);
    const ended = limits?.observer?.began();
    const body = await options.stored(admission, context);
    if (body === null) return false;
    ended?.('OK', []);
    reply.headers({ 'content-type': type, 'cache-control': 'no-store' }).send(body);
    return true;
  };
  app.route({
    url: '/graphql',
    method: ['GET', 'POST'],
    config: { access: 'GRAPH' },
    // before the body is read, because reading is part of the cost
    preParsing: async (request, reply) => {
      const end = limits && (await takeTurn(request, reply, throttle, options.wasRefused));
      if (end) turns.set(request, end);
    },
    preHandler: (request, reply, next) => {
      request.facts = noFacts();
      try {
        const admission = limits && admit(request, limits);
        if (admission) admissions.set(request, admission);
      } catch (error) {
        if (!(error instanceof HttpError)) return next(error as Error);
        limits?.observer?.began()('REFUSED', [error.code]);
        return void refuse(request, reply, error);
      }
      next();
    },
    async handler(request, reply) {
      const admission = admissions.get(request);
      const { feed } = options;
      return withParent(request.headers, async () => {
        if (feed && wantsEvents(request, admission)) {
          // a request that waits for changes does not delay others
          turns.get(request)?.();
          return feed(request, reply, admission);
        }
        return (await sendStored(request, reply, admission)) ? reply : run.call(app, request, reply);
      });
    },
  });
}

/** Events for a subscription; for any operation if the caller accepts nothing else. */
function wantsEvents({ headers: { accept = '' }, caller }: FastifyRequest, admission?: Admission): boolean {
  if (caller === null || !accept.includes('text/event-stream')) return false;
  return admission?.operation.type === 'subscription' || !/json|[*]/.test(accept);
}

/** Waits for a slot, which is free again when the response ends or the returned function is called. Throws an `HttpError` if too many requests wait. */
async function takeTurn(
  request: FastifyRequest,
  reply: FastifyReply,
  throttle: RefusalThrottle,
  wasRefused: GraphRouteOptions['wasRefused'],
): Promise<(() => void) | undefined> {
  if (!request.caller || request.caller.kind === 'LOCAL') return undefined;
  const turn = await throttle.acquire(callerKey(request));
  if (turn === null) {
    reply.header('retry-after', '2');
    throw new HttpError(
      429,
      'RATE_LIMITED',
      'Too many of your requests are waiting. Send fewer requests at once.',
    );
  }
  let isTaken = true;
  const end = () => {
    if (isTaken) turn.end(wasRefused(reply));
    isTaken = false;
  };
  if (reply.raw.destroyed) end();
  else reply.raw.once('close', end);
  return end;
}

/** How the operation was admitted; nothing if it cannot run in any case. Throws an `HttpError`. */
function admit(request: FastifyRequest, { limiter, persisted }: GraphLimits): Admission | undefined {
  const asked = operationOf(request);
  const { caller } = request;
  if (!asked || !caller) return undefined;
  const query = persisted ? listedQuery(request, asked, persisted, caller) : asked.query;
  if (query === null) return undefined;
  const result = limiter.admit({ ...asked, query }, caller.role);
  if ('admitted' in result) return result.admitted;
  if (!('refused' in result)) return undefined;
  const { code, message, details } = result.refused;
  throw new HttpError(400, code, message, details);
}

/** The text of the operation, put into the request if it was asked for by its id. */
function listedQuery(
  request: FastifyRequest,
  { query, persistedId }: OperationRequest,
  persisted: PersistedOperations,
  caller: Caller,
): string | null {
  const body = persistedId === null ? null : persisted.bodyOf(persistedId);
  if (body !== null && (query === null || query.trim() === body.trim())) {
    putQuery(request, body);
    return body;
  }
  if (query === null && persistedId !== null) throw notListed('The manifest has no operation with this id.');
  if (query !== null && !persisted.lists(query) && !hasRole(caller, 'operator')) {
    throw notListed(
      'Readers may run listed operations only, and the manifest does not contain exactly this text.',
    );
  }
  return query;
}

function notListed(message: string): HttpError {
  return new HttpError(400, 'OPERATION_NOT_LISTED', message);
}

function refuse(request: FastifyRequest, reply: FastifyReply, error: HttpError): FastifyReply {
  const isModern = (request.headers.accept ?? '').includes('application/graphql-response+json');
  const mediaType = isModern ? 'application/graphql-response+json' : 'application/json';
  return reply
    .code(error.statusCode)
    .headers({ 'content-type': `${mediaType}; charset=utf-8`, 'cache-control': 'no-store' })
    .send(JSON.stringify(problem(error.code, error.message, error.details)));
}

// a browser asked for a page that does not exist
const NO_PAGE = 'There is no page here. Send POST requests, or the header “Accept: application/json”.';
const UNAUTHENTICATED = { code: 'UNAUTHENTICATED', http: { status: 401 } };

interface OperationRequest extends Omit<AskedOperation, 'query'> {
  readonly query: string | null;
  readonly persistedId: string | null;
}

/** Parsed as the server does; `null` if the server must report the error. Throws an `HttpError` for a batch. */
function operationOf(request: FastifyRequest): OperationRequest | null {
  const fields = request.method === 'GET' ? searchOf(request.url) : request.body;
  if (Array.isArray(fields)) {
    const message = `A request contains one operation; this one is a list of ${fields.length}. Send each operation in its own request.`;
    throw new HttpError(400, 'BAD_REQUEST', message);
  }
  if (!isRecord(fields)) return null;
  const { query, operationName, variables, extensions } = fields;
  if (query !== undefined && query !== null && typeof query !== 'string') return null;
  return {
    query: typeof query === 'string' && query !== '' ? query : null,
    operationName: typeof operationName === 'string' ? operationName : null,
    variables: isRecord(variables) ? variables : {},
    persistedId: persistedIdOf(extensions),
  };
}

const JSON_TYPE = 'application/json; charset=utf-8';
const GRAPHQL_TYPE = 'application/graphql-response+json; charset=utf-8';

/** The media type that the server answers with; `null` where it must look at the request, or may refuse it. */
function plainMediaType({ method, body, headers: { accept = '*/*' } }: FastifyRequest): string | null {
  if (method !== 'POST' || !isRecord(body)) return null;
  const { operationName, variables, extensions } = body;
  if (operationName != null && typeof operationName !== 'string') return null;
  if ((variables != null && !isRecord(variables)) || extensions != null) return null;
  if (/^(?:[*]\/[*]$|application\/json(?:,|$))/.test(accept)) return JSON_TYPE;
  return /^application\/graphql-response[+]json(?:,|$)/.test(accept) ? GRAPHQL_TYPE : null;
}

function persistedIdOf(extensions: unknown): string | null {
  const persisted = isRecord(extensions) ? extensions.persistedQuery : undefined;
  const id = isRecord(persisted) ? persisted.sha256Hash : undefined;
  return typeof id === 'string' ? id : null;
}

function searchOf(url: string): Record<string, unknown> {
  const params = paramsOf(url);
  const json = (name: string): unknown => {
    try {
      return JSON.parse(params.get(name) ?? '{}');
    } catch {
      return undefined;
    }
  };
  return {
    query: params.get('query'),
    operationName: params.get('operationName'),
    variables: json('variables'),
    extensions: json('extensions'),
  };
}

function paramsOf(url: string): URLSearchParams {
  // the same parser as the GraphQL server
  return new URL(url, 'http://localhost').searchParams;
}

function putQuery(request: FastifyRequest, query: string): void {
  if (request.method === 'GET') {
    const params = paramsOf(request.url);
    params.set('query', query);
    params.delete('extensions');
    request.raw.url = `/graphql?${params}`;
    return;
  }
  const { extensions, ...rest } = request.body as { extensions: Record<string, unknown> };
  const { persistedQuery, ...others } = extensions;
  request.body = { ...rest, query, extensions: others };
}

import { randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import type { ApolloServer } from '@apollo/server';
import {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  fastify,
} from 'fastify';
import type { Callers } from '../callers/callers.js';
import { RequestEnded, RequestTimeout } from '../graphql/base/errors.js';
import type { StoredResponse } from '../graphql/operation/pipeline.js';
import type { Subscribe } from '../graphql/operation/subscriptions.js';
import type { GatewayContext, RequestInfo } from '../graphql/request/services.js';
import type { Log } from '../log.js';
import { serveIde } from './browser-pages.js';
import {
  answerToNoRequest,
  answerToNoRoute,
  HttpError,
  listenError,
  problem,
  problemBody,
  REQUEST_TIMEOUT_MS,
  SECURITY_HEADERS,
} from './errors.js';
import { createFeed, FEED_SETTINGS, type FeedSettings } from './feed.js';
import { addGraph, type GraphLimits } from './graph-route.js';
import type { Readiness } from './health.js';
import {
  addAuthentication,
  addCompression,
  addCors,
  addSecurityHeaders,
  areAsked,
  inPieces,
  isQueryErrorInJson,
  limitRate,
  withEntityTag,
} from './middleware.js';
import { addPages, type Pages } from './page-route.js';
import { addReports, type Reports } from './report-route.js';
import { addSignIn } from './sign-in.js';

export interface ServerOptions {
  readonly host: string;
  readonly port: number;
  readonly ide: boolean;
  /** Whether there is a page at `/`; default: true. */
  readonly landingPage?: boolean;
  /** Whether requests for any host name are accepted if authentication is off. */
  readonly anyHost: boolean;
  /** In which header a trusted proxy passes the token of its user. */
  readonly signInHeader?: string | null;
  readonly trustProxy?: number | readonly string[] | null;
  readonly corsOrigins?: readonly string[];
  readonly callers: Callers;
  readonly apollo: ApolloServer<GatewayContext>;
  readonly context: (request: RequestInfo) => GatewayContext;
  readonly readiness: () => Promise<Readiness>;
  /** The public signing keys as a JWK set; if missing, none are published. */
  readonly signingKeys?: () => Promise<object>;
  readonly signingKeysPem?: () => Promise<string>;
  /** The text of `/metrics`; if missing, there is no such page. */
  readonly metrics?: MetricsText | undefined;
  /** Is called for every response with its route (`null`: none) and status. */
  readonly onAnswer?: ((route: string | null, status: number) => void) | undefined;
  /** Whether `/metrics` is public; default: for readers. */
  readonly openMetrics?: boolean;
  readonly reports?: Reports | undefined;
  /** If missing, there are no pages except the IDE. */
  readonly pages?: Pages | undefined;
  readonly limits?: GraphLimits | undefined;
  readonly stored?: StoredResponse;
  /** If missing, there are no subscriptions. */
  readonly subscribe?: Subscribe | undefined;
  readonly feed?: Partial<FeedSettings>;
  readonly ratePerMinute?: number | undefined;
  /** Whether each request is a line of the log at the level `info`; default: `debug`. */
  readonly accessLog?: boolean;
  readonly log: Log;
}

interface MetricsText {
  readonly contentType: string;
  text(): Promise<string>;
}

export type Server = Pick<GatewayServer, 'start' | 'close'>;

const SIGNING_KEYS = '/.well-known/abnormal-gateway-signing-keys';
const BODY_LIMIT = 1024 * 1024;
const KEEP_ALIVE_MS = 65_000;

export function createServer(options: ServerOptions): Server {
  return new GatewayServer(options);
}

class GatewayServer {
  private readonly app: FastifyInstance;
  private readonly inFlight = new Set<AbortController>();
  /** Responses that began as errors, whatever their final status. */
  private readonly refused = new WeakSet<FastifyReply>();
  private readonly draining = new AbortController();

  constructor(private readonly options: ServerOptions) {
    this.app = fastify({
      logger: false,
      genReqId: requestId,
      bodyLimit: BODY_LIMIT,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      forceCloseConnections: 'idle',
      trustProxy: trustProxyOf(options),
      // Fastify's own responses during shutdown, and to a request without a host, have another shape
      return503OnClosing: false,
      http: { requireHostHeader: false },
      frameworkErrors: (error, request, reply) => {
        reply.headers({ ...SECURITY_HEADERS, 'x-request-id': request.id });
        this.fail(error, request, reply);
      },
      clientErrorHandler: answerToNoRequest,
    });
    this.app.server.on('checkExpectation', (_request, response) => {
      const body = problemBody(problem('BAD_REQUEST', 'The header Expect accepts 100-continue only.'));
      response.writeHead(417, { ...body.headers }).end(body.text);
    });
  }

  /** Listens and returns `http://host:port`. Throws a `ListenError`. */
  async start(): Promise<string> {
    const { apollo, host, port } = this.options;
    await apollo.start();
    await this.addHooks();
    await addCompression(this.app);
    await this.addRoutes();
    try {
      await this.app.listen({ host, port });
    } catch (error) {
      throw listenError(error, host, port);
    }
    return urlOf(this.app.server.address() as AddressInfo, host);
  }

  /** Accepts no requests, waits at most `patienceMs` for open ones, then aborts them and their work. */
  async close(patienceMs: number): Promise<void> {
    this.draining.abort();
    const cut = setTimeout(() => {
      for (const request of this.inFlight) request.abort(new RequestEnded('The gateway is shutting down.'));
      this.app.server.closeAllConnections();
    }, patienceMs);
    try {
      await this.app.close();
    } finally {
      clearTimeout(cut);
      await this.options.apollo.stop();
    }
  }

  private get isDraining(): boolean {
    return this.draining.signal.aborted;
  }

  private async addHooks(): Promise<void> {
    const { app, options } = this;
    app.removeContentTypeParser('text/plain');
    app.setErrorHandler((error: FastifyError, request, reply) => this.fail(error, request, reply));
    app.setNotFoundHandler((request, reply) => answerToNoRoute(app, request, reply));
    app.addHook('onRequest', async (request, reply) => {
      reply.header('x-request-id', request.id);
    });
    addSecurityHeaders(app);
    app.addHook('onRequest', async (request, reply) => {
      if (request.headers.host === undefined && request.raw.httpVersion === '1.1') {
        return reply.code(400).send(problem('BAD_REQUEST', 'The request has no Host header.'));
      }
      if (this.isDraining && !HEALTH.has(request.routeOptions.url)) {
        reply.code(503).headers({ connection: 'close', 'retry-after': '5' });
        return reply.send(problem('SHUTTING_DOWN', 'The gateway is shutting down. Send the request again.'));
      }
    });
    await addCors(app, options.corsOrigins ?? []);
    addAuthentication(app, options);
    app.addHook('onSend', async (request, reply, body) => {
      // callers that the graph never saw are refused by HTTP status
      if (request.routeOptions.url !== '/graphql' || request.caller === null) return body;
      if (reply.statusCode >= 400) this.refused.add(reply);
      if (isQueryErrorInJson(reply.statusCode, reply.getHeader('content-type'), body)) reply.code(200);
      return inPieces(reply, withEntityTag(request, reply, body));
    });
    app.addHook('onResponse', async (request, reply) => {
      this.report(request, reply);
      options.onAnswer?.(request.routeOptions.url ?? null, reply.statusCode);
      // otherwise a connection that was busy when the shutdown began would be kept alive
      if (this.isDraining) setImmediate(() => app.server.closeIdleConnections());
    });
  }

  private async addRoutes(): Promise<void> {
    const { app, options, signalOf } = this;
    if (options.ratePerMinute) await limitRate(app, options.ratePerMinute);
    const { pages, signInHeader = null, landingPage = true } = options;
    if (pages) {
      const timeoutMs = options.limits?.timeoutMs;
      addPages(app, { pages, landingPage, signalOf: (reply) => signalOf(reply, timeoutMs) });
      await addSignIn(app, { callers: options.callers, tokenHeader: signInHeader });
    }
    app.get('/healthz', OPEN, () => ({ status: 'alive' }));
    app.get('/readyz', OPEN, async (_request, reply) => {
      const state = this.isDraining ? DRAINING : options.readiness();
      const [{ ready, checks }, isAsked] = await Promise.all([state, areAsked(options.callers)]);
      const status = ready ? 'ready' : 'not ready';
      // problems and the location of the history are not public
      const details = isAsked ? {} : { checks };
      return reply.code(ready ? 200 : 503).send({ status, ...details });
    });
    const { metrics, signingKeys, signingKeysPem } = options;
    if (signingKeys) app.get(`${SIGNING_KEYS}.json`, OPEN, () => signingKeys());
    if (signingKeysPem) {
      app.get(`${SIGNING_KEYS}.pem`, OPEN, async (_, reply) =>
        reply.type('application/x-pem-file').send(await signingKeysPem()),
      );
    }
    if (metrics) {
      const access = options.openMetrics ? 'OPEN' : 'reader';
      app.get('/metrics', { config: { access } }, async (_request, reply) =>
        reply.type(metrics.contentType).send(await metrics.text()),
      );
    }
    const { reports, subscribe, context, callers } = options;
    if (reports) addReports(app, { reports, signalOf });
    const feed =
      subscribe &&
      createFeed({
        ...{ subscribe, context, callers, signalOf, draining: this.draining.signal },
        settings: { ...FEED_SETTINGS, ...options.feed },
        rate: options.ratePerMinute ? app.createRateLimit() : undefined,
      });
    addGraph(app, {
      ...{ apollo: options.apollo, context, limits: options.limits, stored: options.stored, feed, signalOf },
      wasRefused: (reply) => this.refused.has(reply),
    });
    if (options.ide) await serveIde(app);
  }

  /** Fires when the caller disconnects, on shutdown, and after `timeoutMs` if given. */
  private readonly signalOf = (reply: FastifyReply, timeoutMs?: number): AbortSignal => {
    const controller = new AbortController();
    this.inFlight.add(controller);
    const timer =
      timeoutMs && setTimeout(() => controller.abort(new RequestTimeout(timeoutMs)), timeoutMs).unref();
    reply.raw.once('close', () => {
      this.inFlight.delete(controller);
      if (timer) clearTimeout(timer);
      if (!reply.raw.writableFinished)
        controller.abort(new RequestEnded('The caller closed the connection.'));
    });
    return controller.signal;
  };

  private fail(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
    if (error instanceof HttpError) {
      reply.code(error.statusCode).send(problem(error.code, error.message, error.details));
      return;
    }
    const status = error.statusCode ?? 500;
    if (status < 500) {
      const message = error.code === 'FST_ERR_BAD_URL' ? BAD_PATH : error.message;
      reply.code(status).send(problem('BAD_REQUEST', message));
      return;
    }
    this.options.log.error({ err: error, requestId: request.id }, 'a request failed');
    const message = `Internal error; the log has an entry for request ${request.id}.`;
    reply.code(status).send(problem('INTERNAL_SERVER_ERROR', message));
  }

  private report(request: FastifyRequest, reply: FastifyReply): void {
    const { log, accessLog } = this.options;
    const level = accessLog ? 'info' : 'debug';
    if (!log.isLevelEnabled(level)) return;
    const { caller } = request;
    const facts = {
      requestId: request.id,
      method: request.method,
      // the query string of a GET contains the operation, including names and addresses
      path: request.url.split('?', 1)[0],
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime),
      caller: caller && { kind: caller.kind, id: caller.id },
      ...request.facts,
    };
    log[level](facts, 'answered');
  }
}

const OPEN = { config: { access: 'OPEN' } } as const;

const DRAINING = { ready: false, checks: [{ name: 'server', ok: false, message: 'is shutting down' }] };

const HEALTH: ReadonlySet<string | undefined> = new Set(['/healthz', '/readyz']);

const BAD_PATH = 'The path is not valid. Write a percent sign as %25, and encode characters as UTF-8.';

/** A list of addresses, or the nearest proxies by number. */
function trustProxyOf({ trustProxy }: ServerOptions) {
  if (typeof trustProxy === 'number') return (_address: string, hop: number) => hop < trustProxy;
  return trustProxy ? [...trustProxy] : false;
}

/** The caller's id if it is harmless, otherwise a new one. */
function requestId(request: { headers: NodeJS.Dict<string | string[]> }): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && /^[\w.:-]{1,64}$/.test(given) ? given : randomUUID();
}

function urlOf(address: AddressInfo, host: string): string {
  const name = host.includes(':') ? `[${host}]` : host;
  return `http://${name}:${address.port}`;
}

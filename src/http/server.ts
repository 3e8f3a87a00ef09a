import { randomUUID } from 'node:crypto';
import { maxHeaderSize, STATUS_CODES } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { ApolloServer } from '@apollo/server';
import {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  fastify,
} from 'fastify';
import type { Callers } from '../callers/callers.js';
import { RequestEnded, RequestTimeout } from '../graphql/operation/pipeline.js';
import type { Subscribe } from '../graphql/operation/subscriptions.js';
import type { GatewayContext, RequestInfo } from '../graphql/request/services.js';
import type { Log } from '../log.js';
import { serveIde } from './browser-pages.js';
import { HttpError, listenError, problem } from './errors.js';
import { createFeed, FEED_SETTINGS, type FeedSettings } from './feed.js';
import { addGraph, type GraphLimits } from './graph-route.js';
import type { Readiness } from './health.js';
import {
  addAuthentication,
  addCompression,
  addCors,
  addSecurityHeaders,
  areAsked,
  isQueryErrorInJson,
  limitRate,
  SECURITY_HEADERS,
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

export interface Server {
  /** Listens and returns `http://host:port`. Throws a `ListenError`. */
  start(): Promise<string>;
  /** Accepts no requests, waits at most `patienceMs` for open ones, then aborts them and their work. */
  close(patienceMs: number): Promise<void>;
}

const SIGNING_KEYS = '/.well-known/abnormal-gateway-signing-keys.json';
const SIGNING_KEYS_PEM = '/.well-known/abnormal-gateway-signing-keys.pem';
const BODY_LIMIT = 1024 * 1024;
const REQUEST_TIMEOUT_MS = 30_000;
const KEEP_ALIVE_MS = 65_000;

export function createServer(options: ServerOptions): Server {
  return new GatewayServer(options);
}

class GatewayServer implements Server {
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
      const body = bodyOf(problem('BAD_REQUEST', 'The header Expect accepts 100-continue only.'));
      response.writeHead(417, { ...body.headers }).end(body.text);
    });
  }

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
      return withEntityTag(request, reply, body);
    });
    app.addHook('onResponse', async (request, reply) => {
      this.report(request, reply);
      options.onAnswer?.(request.routeOptions.url ?? null, reply.statusCode);
      // otherwise a connection that was busy when the shutdown began would be kept alive
      if (this.isDraining) setImmediate(() => app.server.closeIdleConnections());
    });
  }

  private async addRoutes(): Promise<void> {
    const { app, options } = this;
    if (options.ratePerMinute) await limitRate(app, options.ratePerMinute);
    const { pages, signInHeader = null, landingPage = true } = options;
    if (pages) {
      const signalOf = (reply: FastifyReply) => this.signalOf(reply, options.limits?.timeoutMs);
      addPages(app, { pages, landingPage, signalOf });
      await addSignIn(app, { callers: options.callers, tokenHeader: signInHeader });
    }
    app.get('/healthz', OPEN, () => ({ status: 'alive' }));
    app.get('/readyz', OPEN, async (_request, reply) => {
      const [{ ready, checks }, isAsked] = await Promise.all([this.readiness(), areAsked(options.callers)]);
      const status = ready ? 'ready' : 'not ready';
      // problems and the location of the history are not public
      const details = isAsked ? {} : { checks };
      return reply.code(ready ? 200 : 503).send({ status, ...details });
    });
    const { metrics, signingKeys, signingKeysPem } = options;
    if (signingKeys) app.get(SIGNING_KEYS, OPEN, () => signingKeys());
    if (signingKeysPem) {
      app.get(SIGNING_KEYS_PEM, OPEN, async (_, reply) =>
        reply.type('application/x-pem-file').send(await signingKeysPem()),
      );
    }
    if (metrics) {
      const access = options.openMetrics ? 'OPEN' : 'reader';
      app.get('/metrics', { config: { access } }, async (_request, reply) =>
        reply.type(metrics.contentType).send(await metrics.text()),
      );
    }
    const { reports } = options;
    if (reports) addReports(app, { reports, signalOf: (reply) => this.signalOf(reply) });
    const { subscribe, context, callers } = options;
    const feed =
      subscribe &&
      createFeed({
        ...{ subscribe, context, callers, draining: this.draining.signal },
        settings: { ...FEED_SETTINGS, ...options.feed },
        signalOf: (reply) => this.signalOf(reply),
        rate: options.ratePerMinute ? app.createRateLimit() : undefined,
      });
    addGraph(app, {
      ...{ apollo: options.apollo, context, limits: options.limits, feed },
      signalOf: (reply, timeoutMs) => this.signalOf(reply, timeoutMs),
      wasRefused: (reply) => this.refused.has(reply),
    });
    if (options.ide) await serveIde(app);
  }

  private async readiness(): Promise<Readiness> {
    if (!this.isDraining) return this.options.readiness();
    return { ready: false, checks: [{ name: 'server', ok: false, message: 'is shutting down' }] };
  }

  /** Fires when the caller disconnects, on shutdown, and after `timeoutMs` if given. */
  private signalOf(reply: FastifyReply, timeoutMs?: number): AbortSignal {
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
  }

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

const HEALTH: ReadonlySet<string | undefined> = new Set(['/healthz', '/readyz']);

const BAD_PATH = 'The path is not valid. Write a percent sign as %25, and encode characters as UTF-8.';

/** A path or method that does not exist, or the preflight of another origin. */
function answerToNoRoute(app: FastifyInstance, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const path = request.url.split('?', 1)[0] ?? '';
  const url = path.startsWith('/reports/') ? '/reports/*' : path;
  const allowed = (['GET', 'POST'] as const).filter((method) => app.hasRoute({ url, method }));
  // without a header that allows it, the browser does not send the request that this one asks for
  if (request.headers['access-control-request-method'] !== undefined && request.method === 'OPTIONS')
    return reply.code(204).header('vary', 'Origin').send();
  if (allowed.length === 0) {
    return reply
      .code(404)
      .send(problem('NOT_FOUND', 'There is nothing at this path. The graph is at /graphql.'));
  }
  const allow = allowed.join(', ');
  reply.header('allow', allow);
  if (request.method === 'OPTIONS') return reply.code(204).send();
  const message = `${request.method} is not allowed here. Use ${allow.replace(', ', ' or ')}.`;
  return reply.code(404).send(problem('NOT_FOUND', message));
}

/** Invalid or incomplete HTTP, which only this handler can answer. */
function answerToNoRequest(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, message] = UNREADABLE[error.code ?? ''] ?? [400, 'The request is not valid HTTP.'];
  const { text, headers } = bodyOf(problem('BAD_REQUEST', message));
  const lines = Object.entries({ ...headers, connection: 'close' }).map(
    ([name, value]) => `${name}: ${value}`,
  );
  socket.end([`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, ...lines, '', text].join('\r\n'));
}

const UNREADABLE: Readonly<Record<string, readonly [status: number, message: string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, `The request did not arrive within ${REQUEST_TIMEOUT_MS / 1000} seconds.`],
  HPE_HEADER_OVERFLOW: [431, `The request line and the headers exceed ${maxHeaderSize} bytes.`],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'The chunk extensions of the body are too long.'],
};

function bodyOf(body: object) {
  const text = JSON.stringify(body);
  const headers = {
    ...SECURITY_HEADERS,
    ...{ 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' },
    ...{ 'content-length': String(Buffer.byteLength(text)), 'x-request-id': randomUUID() },
  };
  return { text, headers };
}

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

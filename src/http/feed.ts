import { performance } from 'node:perf_hooks';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ExecutionResult } from 'graphql';
import { createHandler } from 'graphql-sse';
import { pause } from '../async/waiting.js';
import type { Callers } from '../callers/callers.js';
import type { Admission } from '../graphql/operation/analyse-operation.js';
import type { AskedOperation } from '../graphql/operation/pipeline.js';
import type { Subscribe, SubscriptionEvent } from '../graphql/operation/subscriptions.js';
import type { GatewayContext, RequestInfo } from '../graphql/request/services.js';
import { HttpError, problem } from './errors.js';
import { callerKey, identifyRequest } from './middleware.js';

/** Times in milliseconds. */
export interface FeedSettings {
  /** How long a subscription lasts, give or take a fifth, so that clients do not all come back at once. */
  readonly lifetimeMs: number;
  /** How often the caller's credential is checked. */
  readonly checkEveryMs: number;
  /** How long a client may take to receive what was sent. */
  readonly drainMs: number;
}

export const FEED_SETTINGS: FeedSettings = { lifetimeMs: 900_000, checkEveryMs: 30_000, drainMs: 60_000 };

/** Whether a page may be sent; if not, when. */
type RateCheck = (
  request: FastifyRequest,
) => Promise<{ readonly isAllowed: boolean; readonly isExceeded?: boolean; readonly ttl?: number }>;

interface FeedOptions {
  readonly subscribe: Subscribe;
  readonly context: (request: RequestInfo) => GatewayContext;
  readonly callers: Callers;
  readonly settings: FeedSettings;
  /** Fires when the caller disconnects. */
  readonly signalOf: (reply: FastifyReply) => AbortSignal;
  /** Fires when the server begins to shut down. */
  readonly draining: AbortSignal;
  /** Each page counts as a request. */
  readonly rate: RateCheck | undefined;
}

/** Answers an operation with server-sent events. Throws an `HttpError` if there is no operation. */
export type Feed = (
  request: FastifyRequest,
  reply: FastifyReply,
  admission: Admission | undefined,
) => Promise<void>;

export function createFeed(options: FeedOptions): Feed {
  const handle = createHandler<FastifyRequest, Connection>({
    // one connection for each operation, so that any replica can answer any request
    authenticate: () => null,
    onSubscribe: ({ context }, { query, operationName = null, variables = {} }) =>
      context.events({ query, operationName, variables }) as AsyncGenerator<ExecutionResult>,
  });
  return async (request, reply, admission) => {
    const connection = new Connection(options, request, reply, admission);
    const get = (name: string) =>
      name === 'accept' ? 'text/event-stream' : request.headers[name]?.toString();
    const { method, url, body } = request;
    const [events, { headers }] = await handle({
      ...{ method, url, headers: { get }, body: body as Record<PropertyKey, unknown> },
      ...{ raw: request, context: connection },
    });
    if (events === null || typeof events === 'string')
      throw new HttpError(400, 'BAD_REQUEST', 'The request has no GraphQL operation in "query".');
    const { 'content-encoding': _, ...rest } = headers ?? {};
    await connection.send(events, { ...rest, 'cache-control': 'no-store', 'x-accel-buffering': 'no' });
  };
}

/** One subscription and the connection that carries it. It is read only as fast as the client receives. */
class Connection {
  private readonly ending = new AbortController();
  private readonly signal: AbortSignal;
  private checkedAt = performance.now();
  /** The id of the event that is on its way, and what to call when the client's socket has taken it. */
  private id: string | null = null;
  private onSent = () => {};

  constructor(
    private readonly options: FeedOptions,
    private readonly request: FastifyRequest,
    private readonly reply: FastifyReply,
    private readonly admission: Admission | undefined,
  ) {
    this.signal = options.signalOf(reply);
    this.signal.addEventListener('abort', () => this.onSent());
  }

  async *events(asked: AskedOperation): AsyncGenerator<SubscriptionEvent['result'], void> {
    const { request, options, signal } = this;
    const { caller } = request;
    if (caller === null) return;
    const context = options.context({
      ...{ caller, signal, admission: this.admission },
      callerKey: caller.kind === 'LOCAL' ? null : callerKey(request),
      following: { ending: this.ending.signal, lastEventId: lastEventIdOf(request) },
    });
    for await (const { id, result } of options.subscribe(asked, context)) {
      const refused = await this.refusal();
      if (refused) {
        yield refused;
        return;
      }
      const sent = new Promise<void>((resolve) => {
        this.onSent = resolve;
      });
      this.id = id;
      if (signal.aborted) return;
      yield result;
      await sent;
      await this.waitForRate();
    }
  }

  async send(events: AsyncGenerator<string, void>, headers: Record<string, string>): Promise<void> {
    const { reply, options } = this;
    const { raw } = reply;
    reply.hijack();
    raw.writeHead(200, { ...(reply.getHeaders() as Record<string, string>), ...headers });
    const end = () => this.ending.abort();
    const { lifetimeMs, drainMs } = options.settings;
    const timer = setTimeout(end, lifetimeMs * (0.8 + 0.4 * Math.random()));
    options.draining.addEventListener('abort', end);
    if (options.draining.aborted) end();
    try {
      for await (const text of events) {
        const isEvent = text.startsWith('event: next');
        const isTaken = raw.write(isEvent && this.id !== null ? `id: ${this.id}\n${text}` : text);
        if (!isTaken && !(await isDrained(raw, drainMs))) {
          raw.destroy();
          break;
        }
        if (isEvent) this.onSent();
      }
    } finally {
      clearTimeout(timer);
      options.draining.removeEventListener('abort', end);
      raw.end();
    }
  }

  /** Why the caller may not go on; looked up from time to time. */
  private async refusal(): Promise<ReturnType<typeof problem> | null> {
    const { options, request } = this;
    if (performance.now() - this.checkedAt < options.settings.checkEveryMs) return null;
    this.checkedAt = performance.now();
    const identified = await identifyRequest(options.callers, request);
    if (identified.outcome === 'KNOWN') {
      if (identified.caller.role === request.caller?.role) return null;
      return problem('FORBIDDEN', `Your role is now ${identified.caller.role}. Connect again.`);
    }
    if (identified.outcome === 'WAIT') return problem('TOO_MANY_FAILURES', 'Connect again later.');
    const code = identified.outcome === 'UNAVAILABLE' ? 'AUTHENTICATION_UNAVAILABLE' : 'UNAUTHENTICATED';
    return problem(code, identified.message);
  }

  private async waitForRate(): Promise<void> {
    const rate = await this.options.rate?.(this.request);
    if (rate?.isExceeded) await pause(rate.ttl ?? 0, this.signal);
  }
}

function lastEventIdOf({ headers }: FastifyRequest): string | null {
  return headers['last-event-id']?.toString() || null;
}

/** Waits until what was written has left; false if the client has gone or takes too long. */
function isDrained(raw: FastifyReply['raw'], ms: number): Promise<boolean> {
  return new Promise((resolve) => {
    const done = (isDrained: boolean) => () => {
      clearTimeout(timer);
      raw.off('drain', onDrain).off('close', onClose);
      resolve(isDrained);
    };
    const onDrain = done(true);
    const onClose = done(false);
    const timer = setTimeout(onClose, ms);
    raw.once('drain', onDrain).once('close', onClose);
    if (raw.destroyed) onClose();
  });
}

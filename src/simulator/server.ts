import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Fault, FaultEngine, type FaultPlan, faultyAnswer } from './faults.js';
import type { Upstream } from './kinds.js';
import { KIND_OF, type Resource } from './options.js';
import {
  type CampaignsPath,
  respond,
  routeOf,
  type SimulatedToken,
  tokensAnswer,
  withoutPrefix,
} from './routes.js';
import { Limiter, type SimulatorLimits, type SimulatorStats, StatsRecorder } from './stats.js';
import type { Tenant } from './tenant.js';
import { type LogForm, logAnswer } from './threat-log.js';
import { failureAnswer, NOT_AUTHORIZED, type SimulatedAnswer } from './wire.js';

export interface SimulatorOptions {
  readonly tenant: Tenant;
  /** In ms since the epoch: the only clock for visibility, limits and retention. */
  readonly clock: () => number;
  /** The accepted bearer token; default `simulated-token`. */
  readonly token?: string;
  readonly limits?: SimulatorLimits;
  readonly faults?: FaultPlan;
  /** The path of campaigns; all others answer 404, with `none` all do. Default `/abusecampaigns`. */
  readonly campaignsPath?: CampaignsPath;
  /** Windows that begin earlier get status 400. Default: no retention. */
  readonly retentionDays?: number;
  /** The form of the threat log export; default `current`. */
  readonly logForm?: LogForm;
  /** The customer's API tokens; if missing, the request answers 404. */
  readonly tokens?: readonly SimulatedToken[];
  /** A delay of every response in ms of real time, so that requests overlap. Default 0. */
  readonly latencyMs?: number;
  readonly onRequest?: (request: SeenRequest) => void;
  /** Gets a line per response, without the token. */
  readonly log?: (line: string) => void;
}

export interface SeenRequest {
  readonly at: number;
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly resource: Resource | null;
}

export interface Simulator {
  readonly baseUrl: string;
  readonly token: string;
  stats(): SimulatorStats;
  resetStats(): void;
  renewToken(token: string): void;
  setFaults(plan: FaultPlan | null): void;
  close(): Promise<void>;
}

/** Serves a tenant on the loopback interface like Abnormal's API. */
export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  const token = options.token ?? 'simulated-token';
  const stats = new StatsRecorder();
  const limiter = new Limiter(options.limits ?? {});
  const state = { token, faults: new FaultEngine(options.faults ?? null) };
  const server = createServer((request, response) => {
    const exchange = arrive(options, stats, request, response);
    const fault = state.faults.next(withoutPrefix(exchange.url), exchange.now);
    const hidden = fault?.kind === 'unlisted' ? fault.ids : [];
    const proper = () => properAnswer(options, state.token, limiter, exchange, hidden);
    if (fault) stats.faulted(fault.kind);
    reply(options, stats, exchange, fault, proper);
  });
  // a client's idle connection should not meet a server that has just closed it
  server.keepAliveTimeout = 120_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    token,
    stats: () => stats.snapshot(),
    resetStats: () => stats.reset(),
    renewToken: (renewed) => {
      state.token = renewed;
    },
    setFaults: (plan) => {
      state.faults = new FaultEngine(plan);
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

type Exchange = ReturnType<typeof arrive>;

function arrive(
  options: SimulatorOptions,
  stats: StatsRecorder,
  request: IncomingMessage,
  response: ServerResponse,
) {
  const now = options.clock();
  const { url = '/', method = 'GET', headers } = request;
  const route = routeOf(url, options.campaignsPath ?? '/abusecampaigns');
  // its number among the resource's concurrent requests
  const inFlight = stats.arrived(route.resource, now);
  response.once('close', () => stats.left(route.resource));
  options.onRequest?.({ at: now, method, url, headers, resource: route.resource });
  return { request, response, url, route, now, inFlight };
}

function properAnswer(
  options: SimulatorOptions,
  token: string,
  limiter: Limiter,
  exchange: Exchange,
  hidden: readonly string[],
): SimulatedAnswer {
  const { request, route, now, inFlight } = exchange;
  if (request.headers.authorization !== `Bearer ${token}`) return failureAnswer(401, NOT_AUTHORIZED);
  if (request.method !== 'GET') return failureAnswer(405, 'Method Not Allowed', { allow: 'GET' });
  const refusal = limiter.check(now, inFlight);
  if (refusal) return refusal;
  const { tenant, retentionDays = null, logForm: form = 'current', tokens } = options;
  if (route.kind === 'tokens' && tokens) return tokensAnswer(tokens, route.params, now);
  const upstream = hidden.length > 0 ? without(tenant, hidden) : tenant.upstream;
  if (route.kind !== 'threats.export') return respond(upstream, route, now, retentionDays);
  const { accept } = request.headers;
  return logAnswer(upstream.log, { params: route.params, accept, at: now, retentionDays, form });
}

function without({ upstream, indexOf }: Tenant, ids: readonly string[]): Upstream {
  const isShown = (resource: Resource) => {
    const indexes = new Set(ids.map((id) => indexOf(KIND_OF[resource], id)));
    return (index: number) => !indexes.has(index);
  };
  return {
    ...upstream,
    list: (resource, ...rest) => upstream.list(resource, ...rest)?.filter(isShown(resource)) ?? null,
    top: (resource, at) => upstream.top(resource, at).filter(isShown(resource)),
    reports(type) {
      const { items } = upstream.reports(type);
      return { items: (...asked) => items(...asked).filter(({ id }) => !ids.includes(id)) };
    },
    log: (window, at) => upstream.log(window, at).filter((row) => !ids.includes(String(row['Threat ID']))),
  };
}

function reply(
  options: SimulatorOptions,
  stats: StatsRecorder,
  exchange: Exchange,
  fault: Fault | null,
  proper: () => SimulatedAnswer,
): void {
  const { request, route, url } = exchange;
  const done = (status: number) => {
    stats.answered(route.kind, status);
    options.log?.(`${request.method} ${url} ${status}${fault ? ` (${fault.kind})` : ''}`);
  };
  if (fault?.kind === 'reset') request.socket.resetAndDestroy();
  if (fault?.kind === 'reset' || fault?.kind === 'hang') {
    done(0);
    return;
  }
  const answer = fault ? faultyAnswer(fault, route, request.headers, proper) : proper();
  const wait = (options.latencyMs ?? 0) + (fault?.kind === 'slow' ? fault.ms : 0);
  const send = () => {
    // the caller may have left meanwhile
    const isGone = exchange.response.destroyed;
    done(isGone ? 0 : answer.status);
    if (!isGone) write(exchange, answer, fault?.kind === 'truncated');
  };
  if (wait > 0) setTimeout(send, wait).unref();
  else send();
}

function write({ response, now }: Exchange, answer: SimulatedAnswer, isTruncated: boolean): void {
  const body = Buffer.from(answer.body);
  // the simulated date, so that the same request gives the same bytes
  response.sendDate = false;
  response.writeHead(answer.status, {
    ...answer.headers,
    'content-length': body.length,
    date: new Date(now).toUTCString(),
  });
  if (isTruncated) response.write(body.subarray(0, body.length >> 1), () => response.destroy());
  else response.end(body);
}

import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Caller } from '../values/access.js';
import { HttpError } from './errors.js';
import { callerOf, prefersPage } from './page-route.js';

export interface ReportRequest {
  readonly period: string;
  readonly parameters: ReadonlyMap<string, readonly string[]>;
  readonly caller: Caller;
  /** Whether the caller, such as a browser, accepts a page rather than JSON. */
  readonly wantsPage: boolean;
}

export interface OpenReport {
  readonly contentType: string;
  readonly fileName: string;
  /** Whether a browser shows it instead of saving it. */
  readonly isPage: boolean;
  /** Writes in pieces; rejects if the report cannot be completed. */
  write(write: (piece: string | Uint8Array) => Promise<void>, signal: AbortSignal): Promise<void>;
}

export interface Reports {
  /** Returns an error text for an invalid request. */
  open(asked: ReportRequest): Promise<OpenReport | { readonly refusal: string }>;
}

interface ReportRouteOptions {
  readonly reports: Reports;
  readonly signalOf: (reply: FastifyReply) => AbortSignal;
}

/** Each reads a whole period; more at once would delay all of them. */
const MOST_AT_ONCE = 3;

export function addReports(app: FastifyInstance, { reports, signalOf }: ReportRouteOptions): void {
  let running = 0;
  app.route({
    method: 'GET',
    // a span contains a slash
    url: '/reports/*',
    exposeHeadRoute: false,
    config: { access: 'operator', isPage: true },
    handler: async (request, reply) => {
      if (running >= MOST_AT_ONCE) throw busy(reply);
      running += 1;
      try {
        const report = await reports.open(askedBy(request));
        if ('refusal' in report) throw new HttpError(400, 'BAD_USER_INPUT', report.refusal);
        await sendReport(reply, report, signalOf(reply));
      } finally {
        running -= 1;
      }
      return reply;
    },
  });
}

function busy(reply: FastifyReply): HttpError {
  reply.header('retry-after', '10');
  return new HttpError(
    429,
    'RATE_LIMITED',
    `At most ${MOST_AT_ONCE} reports are created at the same time. Retry later.`,
  );
}

function askedBy(request: FastifyRequest): ReportRequest {
  const { '*': period = '' } = request.params as Readonly<Record<string, string>>;
  const query = request.query as Readonly<Record<string, string | readonly string[]>>;
  const parameters = Object.entries(query).map(([name, value]) => [name, [value].flat()] as const);
  const wantsPage = prefersPage(request.headers.accept);
  return { period, parameters: new Map(parameters), caller: callerOf(request), wantsPage };
}

/** A failure before the first piece is an error response; a later one cuts the response off. */
async function sendReport(reply: FastifyReply, report: OpenReport, signal: AbortSignal): Promise<void> {
  const stream = new PassThrough();
  // Fastify sets `sent` only at the end
  let isBegun = false;
  try {
    await report.write(async (piece) => {
      if (!isBegun) begin(reply, report, stream);
      isBegun = true;
      if (!stream.write(piece)) await once(stream, 'drain', { signal });
    }, signal);
    stream.end();
  } catch (error) {
    if (!isBegun) throw error;
    stream.destroy(error instanceof Error ? error : new Error(String(error)));
  }
}

const PAGE_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox";

function begin(
  reply: FastifyReply,
  { contentType, fileName, isPage }: OpenReport,
  stream: PassThrough,
): void {
  reply.headers({
    'content-type': contentType,
    'content-disposition': `${isPage ? 'inline' : 'attachment'}; filename="${fileName}"`,
    'cache-control': 'no-store',
    vary: 'accept',
    ...(isPage ? { 'content-security-policy': PAGE_POLICY } : {}),
  });
  reply.send(stream);
}

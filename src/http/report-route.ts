import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Caller } from '../values/access.js';
import { HttpError } from './errors.js';

/** A report that is asked for: where it is about, and the parameters of the query by name. */
export interface ReportRequest {
  readonly period: string;
  readonly parameters: ReadonlyMap<string, readonly string[]>;
  readonly caller: Caller;
}

/** A report that can be written. */
export interface OpenReport {
  readonly contentType: string;
  readonly fileName: string;
  /** Whether a browser shows it, instead of keeping it in a file. */
  readonly isPage: boolean;
  /** Writes it piece by piece; rejects when it cannot be written whole. */
  write(write: (piece: string | Uint8Array) => Promise<void>, signal: AbortSignal): Promise<void>;
}

/** Where reports come from. */
export interface Reports {
  /** Or what is wrong with the question, and what is right. */
  open(asked: ReportRequest): Promise<OpenReport | { readonly refusal: string }>;
}

export interface ReportRouteOptions {
  readonly reports: Reports;
  /** Aborted when the caller goes away, or when the server can wait no longer. */
  readonly signalOf: (reply: FastifyReply) => AbortSignal;
}

/** Each reads a whole period: more at once would only make all of them late. */
const MOST_AT_ONCE = 3;

/** Reports at `/reports/<period>`, for operators, in pieces as they are made. */
export function addReports(app: FastifyInstance, { reports, signalOf }: ReportRouteOptions): void {
  let running = 0;
  app.route({
    method: 'GET',
    // a span has a slash in it
    url: '/reports/*',
    exposeHeadRoute: false,
    config: { access: 'operator' },
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
  const { caller } = request;
  if (caller === null) throw new Error('a report was asked for by nobody');
  const { '*': period = '' } = request.params as Readonly<Record<string, string>>;
  const query = request.query as Readonly<Record<string, string | readonly string[]>>;
  const parameters = Object.entries(query).map(([name, value]) => [name, [value].flat()] as const);
  return { period, parameters: new Map(parameters), caller };
}

/** Sends it as it is written. What fails before its first piece is an error, after that the answer is cut off. */
async function sendReport(reply: FastifyReply, report: OpenReport, signal: AbortSignal): Promise<void> {
  const stream = new PassThrough();
  // Fastify calls a reply sent when it is at its end
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
    ...(isPage ? { 'content-security-policy': PAGE_POLICY } : {}),
  });
  reply.send(stream);
}

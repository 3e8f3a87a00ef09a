import { randomUUID } from 'node:crypto';
import { maxHeaderSize, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ErrorCode } from '../graphql/base/errors.js';

/** A refused request; the message is for the caller. */
export class HttpError extends Error {
  override readonly name = 'HttpError';

  constructor(
    readonly statusCode: number,
    readonly code: ErrorCode,
    message: string,
    readonly details: Readonly<Record<string, unknown>> = {},
  ) {
    super(message);
  }
}

export function problem(code: ErrorCode, message: string, details: Readonly<Record<string, unknown>> = {}) {
  return { errors: [{ message, extensions: { code, ...details } }] };
}

export class ListenError extends Error {
  override readonly name = 'ListenError';
}

export function listenError(error: unknown, host: string, port: number): ListenError {
  const { code } = error as { code?: string };
  const reasons: Record<string, string> = {
    EADDRINUSE: `Port ${port} is in use by another process. Stop it, or set another port: PORT=${port + 1}`,
    EACCES: `This user may not listen on port ${port}. Set a port above 1023: PORT=4000`,
    EADDRNOTAVAIL: `${host} is not an address of this machine. Accepted: HOST=127.0.0.1`,
    ENOTFOUND: `${host} is not an address of this machine. Accepted: HOST=127.0.0.1`,
  };
  const reason = reasons[code ?? ''] ?? `Cannot listen on ${host}, port ${port}: ${code ?? String(error)}`;
  return new ListenError(reason, { cause: error });
}

/** How long a request may take to arrive. */
export const REQUEST_TIMEOUT_MS = 30_000;

export const SECURITY_HEADERS = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  // for responses that are not pages; pages set their own
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
};

/** A path or method that does not exist, or the preflight of another origin. */
export function answerToNoRoute(
  app: FastifyInstance,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
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
export function answerToNoRequest(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, message] = UNREADABLE[error.code ?? ''] ?? [400, 'The request is not valid HTTP.'];
  const { text, headers } = problemBody(problem('BAD_REQUEST', message));
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

/** For responses that do not come from the server. */
export function problemBody(body: object) {
  const text = JSON.stringify(body);
  const headers = {
    ...SECURITY_HEADERS,
    ...{ 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' },
    ...{ 'content-length': String(Buffer.byteLength(text)), 'x-request-id': randomUUID() },
  };
  return { text, headers };
}

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

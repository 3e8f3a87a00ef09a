import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Caller } from '../model/caller.js';
import { HttpError } from './http-error.js';

export interface RateLimitOptions {
  /** Requests a minute by one caller. */
  readonly perMinute: number;
  /** Who asks; `null` where nobody is known, and the address counts. */
  readonly callerOf: (request: FastifyRequest) => Caller | null;
}

/** What whoever watches over the gateway asks all the time. */
const FREE: ReadonlySet<string | undefined> = new Set(['/healthz', '/readyz', '/metrics']);

/**
 * Counts the requests of each caller to the routes that are added later, and refuses those beyond the limit before
 * their bodies are read. This machine itself is not counted where callers are not asked who they are.
 */
export async function limitRate(app: FastifyInstance, options: RateLimitOptions): Promise<void> {
  await app.register(rateLimit, {
    max: options.perMinute,
    timeWindow: 60_000,
    enableDraftSpec: true,
    keyGenerator: (request) => {
      const caller = options.callerOf(request);
      return caller && caller.kind !== 'ANONYMOUS' ? `${caller.kind} ${caller.id}` : request.ip;
    },
    allowList: (request) => FREE.has(request.routeOptions.url) || options.callerOf(request)?.kind === 'LOCAL',
    errorResponseBuilder: (_request, { max, after }) =>
      new HttpError(
        429,
        'RATE_LIMITED',
        `Up to ${max} requests a minute are answered; come again in ${after}.`,
      ),
  });
}

import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance } from 'fastify';
import { callerKey } from './caller-key.js';
import { HttpError } from './http-error.js';

/** What whoever watches over the gateway asks all the time. */
const FREE: ReadonlySet<string | undefined> = new Set(['/healthz', '/readyz', '/metrics']);

/**
 * Counts the requests of each caller, or of each address where nobody is known, to the routes that are added later,
 * and refuses those beyond `perMinute` before their bodies are read. This machine itself is not counted where
 * callers are not asked who they are.
 */
export async function limitRate(app: FastifyInstance, perMinute: number): Promise<void> {
  await app.register(rateLimit, {
    max: perMinute,
    timeWindow: 60_000,
    enableDraftSpec: true,
    keyGenerator: callerKey,
    allowList: ({ routeOptions, caller }) => FREE.has(routeOptions.url) || caller?.kind === 'LOCAL',
    errorResponseBuilder: (_request, { max, after }) => {
      const message = `Up to ${max} requests a minute are answered; come again in ${after}.`;
      return new HttpError(429, 'RATE_LIMITED', message);
    },
  });
}

import type { FastifyInstance } from 'fastify';

/** What every answer says, those to what is not HTTP included. */
export const SECURITY_HEADERS = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  // for answers, which no browser is to take for pages; a page says what it needs
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
};

const YEAR_S = 31_536_000;

// Apollo Sandbox brings its own policy for scripts, styles and frames, which would be void beside a stricter one
const SANDBOX = "base-uri 'none'; object-src 'none'; form-action 'self'; frame-ancestors 'none'";

/** Tells browsers what not to do with answers; to come only over TLS where the request did. */
export function addSecurityHeaders(app: FastifyInstance): void {
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(SECURITY_HEADERS);
    if (request.protocol === 'https') reply.header('strict-transport-security', `max-age=${YEAR_S}`);
  });
  app.addHook('onSend', async (request, reply) => {
    const isPage = String(reply.getHeader('content-type')).startsWith('text/html');
    if (isPage && request.routeOptions.url === '/graphql') reply.header('content-security-policy', SANDBOX);
  });
}

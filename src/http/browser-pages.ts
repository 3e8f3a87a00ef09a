import { randomBytes } from 'node:crypto';
import { fastifyStatic } from '@fastify/static';
import { getDistDirectory, renderAltair } from 'altair-static';
import type { FastifyInstance } from 'fastify';
import { QUESTIONS } from '../graphql/operation/questions.js';

const HELP = 'Every type and field has a description: open "Docs" at the top right.';

/** From an installed package, without network; the policy keeps the page from contacting any other host. */
export async function serveIde(app: FastifyInstance): Promise<void> {
  await app.register(async (scope) => {
    // the page is public because it contains no data; its requests need a credential
    scope.addHook('onRoute', (route) => {
      route.config = { ...route.config, access: 'OPEN' };
    });
    await addPages(scope);
  });
}

async function addPages(app: FastifyInstance): Promise<void> {
  await app.register(fastifyStatic, {
    root: getDistDirectory(),
    prefix: '/ide/',
    index: false,
    wildcard: false,
    maxAge: '1h',
  });
  app.get('/ide', (_request, reply) => reply.redirect('/ide/'));
  app.get('/ide/', ({ query }, reply) => {
    const nonce = randomBytes(16).toString('base64');
    return reply
      .type('text/html; charset=utf-8')
      .header('cache-control', 'no-store')
      .header('content-security-policy', policy(nonce))
      .send(page(nonce, Object.hasOwn(query as object, 'query')));
  });
}

/** With a query in its address, the package opens that one. */
function page(nonce: string, hasQuery: boolean): string {
  const page = renderAltair({
    baseURL: '/ide/',
    endpointURL: '/graphql',
    initialWindows: (hasQuery ? [] : QUESTIONS).map(({ name, question, query }) => ({
      initialName: name,
      initialQuery: `# ${question}\n# ${HELP}\n${query}`,
    })),
    disableAccount: true,
    cspNonce: nonce,
    initialSettings: {
      'alert.disableUpdateNotification': true,
      disablePushNotification: true,
      'banners.disable': true,
    },
  });
  // for screen readers; the package does not set it
  return page.replace('<html>', '<html lang="en">');
}

function policy(nonce: string): string {
  return [
    "default-src 'self'",
    `script-src 'self' 'nonce-${nonce}'`,
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    "worker-src 'self' blob:",
    "frame-ancestors 'none'",
    "base-uri 'self'",
    "form-action 'self'",
  ].join('; ');
}

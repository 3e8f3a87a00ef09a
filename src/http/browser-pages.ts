import { createHash, randomBytes } from 'node:crypto';
import { fastifyStatic } from '@fastify/static';
import { getDistDirectory, renderAltair } from 'altair-static';
import type { FastifyInstance } from 'fastify';
import { QUESTIONS } from '../graphql/operation/questions.js';

/** The page at `/`: plain HTML, no script, no external resources. */
export function addHomePage(app: FastifyInstance, ide: boolean): void {
  const page = homePage(ide);
  app.get('/', { config: { access: 'OPEN' } }, (_request, reply) =>
    reply.type('text/html; charset=utf-8').header('content-security-policy', POLICY).send(page),
  );
}

const STYLE = `
:root { color-scheme: light dark; background: Canvas; color: CanvasText; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 44rem; margin: 4rem auto; padding: 0 1.25rem; }
h1 { font-size: 1.75rem; line-height: 1.2; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .5rem 1.5rem; margin: 2rem 0; }
dt { font-family: ui-monospace, monospace; overflow-wrap: anywhere; }
dd { margin: 0; }
@media (max-width: 40rem) {
  body { margin: 2rem auto; }
  dl { grid-template-columns: 1fr; gap: 0; }
  dd { margin-bottom: .75rem; }
}
`;

const POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

function homePage(ide: boolean): string {
  const links = [
    ['/graphql', 'The graph. A browser shows Apollo Sandbox, which is loaded from Apollo’s servers.'],
    ...(ide ? [['/ide', 'An IDE that works without a network.']] : []),
    ['/healthz', 'Liveness: is the process running?'],
    ['/readyz', 'Readiness: can it serve requests?'],
  ];
  const items = links.map(([path, what]) => `<dt><a href="${path}">${path}</a></dt><dd>${what}</dd>`);
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>Abnormal GraphQL gateway</title>
<style>${STYLE}</style>
<main>
<h1>Abnormal GraphQL gateway</h1>
<p>Abnormal Security’s cases, threats and campaigns as GraphQL, with a history of every version.</p>
<dl>
${items.join('\n')}
</dl>
<p>Reports, for operators: <code>/reports/2026-Q3?format=html</code>, or any other period.</p>
</main>
</html>
`;
}

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
  app.get('/ide/', (_request, reply) => {
    const nonce = randomBytes(16).toString('base64');
    return reply
      .type('text/html; charset=utf-8')
      .header('cache-control', 'no-store')
      .header('content-security-policy', policy(nonce))
      .send(page(nonce));
  });
}

function page(nonce: string): string {
  const page = renderAltair({
    baseURL: '/ide/',
    endpointURL: '/graphql',
    initialWindows: QUESTIONS.map(({ name, question, query }) => ({
      ...{ initialName: name, endpointURL: '/graphql' },
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

import { createHash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';

/** The page at `/`: where to go from here. Plain HTML, no script, nothing from elsewhere. */
export function addHomePage(app: FastifyInstance, ide: boolean): void {
  const page = homePage(ide);
  app.get('/', { config: { access: 'OPEN' } }, (_request, reply) =>
    reply.type('text/html; charset=utf-8').header('content-security-policy', POLICY).send(page),
  );
}

const STYLE = `
body { font: 1rem/1.6 system-ui, sans-serif; max-width: 42rem; margin: 4rem auto; padding: 0 1rem; }
a { font-family: ui-monospace, monospace; }
li { margin: .4rem 0; }
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
    ['/graphql', 'the graph; in a browser Apollo Sandbox, which is loaded from its maker’s servers'],
    ...(ide ? [['/ide', 'an IDE that works without a network']] : []),
    ['/healthz', 'alive?'],
    ['/readyz', 'able to serve?'],
  ];
  const items = links.map(([path, what]) => `<li><a href="${path}">${path}</a> ${what}</li>`).join('\n');
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>Abnormal GraphQL gateway</title>
<style>${STYLE}</style>
<h1>Abnormal GraphQL gateway</h1>
<p>Abnormal Security’s cases, threats and campaigns as GraphQL, with a history of every version.</p>
<ul>
${items}
</ul>
</html>
`;
}

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { PAGE_POLICY, type Page } from '../pages/frame.js';
import type { Caller } from '../values/access.js';

interface PageRequest {
  readonly caller: Caller;
  readonly signal: AbortSignal;
}

export interface Pages {
  /** The page at `/`, for a window such as `7d`. */
  overview(request: PageRequest, window: string | undefined): Promise<Page>;
  reports(request: PageRequest, isPage: boolean): Promise<Page | object>;
  /** What the namespace of OSCAL documents leads to: a page, or Markdown. */
  properties(isPage: boolean): Promise<Page | string>;
}

interface PageRouteOptions {
  readonly pages: Pages;
  readonly landingPage: boolean;
  readonly signalOf: (reply: FastifyReply) => AbortSignal;
}

export function addPages(app: FastifyInstance, { pages, landingPage, signalOf }: PageRouteOptions): void {
  if (landingPage)
    app.get('/', { config: { access: 'reader', isPage: true } }, async (request, reply) => {
      const { window } = request.query as Readonly<Record<string, unknown>>;
      const given = window === undefined ? undefined : String(window);
      return sendPage(reply, await pages.overview(pageRequest(request, signalOf(reply)), given));
    });
  addDocumentation(app, pages);
  app.get('/reports', { config: { access: 'operator', isPage: true } }, async (request, reply) => {
    const isPage = prefersPage(request.headers.accept);
    const answer = await pages.reports(pageRequest(request, signalOf(reply)), isPage);
    reply.header('vary', 'accept');
    return 'html' in answer
      ? sendPage(reply, answer)
      : reply.header('cache-control', 'no-store').send(answer);
  });
}

function pageRequest(request: FastifyRequest, signal: AbortSignal): PageRequest {
  return { caller: callerOf(request), signal };
}

export function callerOf({ caller, url }: FastifyRequest): Caller {
  if (caller === null) throw new Error(`${url} was asked for by nobody`);
  return caller;
}

/** Open, because it contains no data: auditors follow the namespace of a document to it. */
function addDocumentation(app: FastifyInstance, pages: Pages): void {
  app.get('/docs/oscal.md', { config: { access: 'OPEN' } }, async ({ headers: { accept } }, reply) => {
    const answer = await pages.properties(prefersPage(accept));
    reply.header('vary', 'accept');
    return typeof answer === 'object'
      ? sendPage(reply, answer)
      : reply.type('text/markdown; charset=utf-8').send(answer);
  });
}

/** Pages contain data of the moment and of the caller, so nothing keeps them. */
export function sendPage(reply: FastifyReply, { status, html }: Page): FastifyReply {
  if (status === 503) reply.header('retry-after', '5');
  return reply
    .code(status)
    .headers({ 'content-security-policy': PAGE_POLICY, 'cache-control': 'no-store' })
    .type('text/html; charset=utf-8')
    .send(html);
}

/** Browsers name HTML in `Accept`; programs name JSON or nothing in particular. */
export function prefersPage(accept = ''): boolean {
  const types = accept.split(',').map((part) => part.split(';', 1)[0]?.trim().toLowerCase());
  const [page, json] = [types.indexOf('text/html'), types.indexOf('application/json')];
  return page !== -1 && (json === -1 || page < json);
}

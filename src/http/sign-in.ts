import { parse, serialize } from 'cookie';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Callers, Identified } from '../callers/callers.js';
import { SESSION_MS } from '../callers/sessions.js';
import { type Html, html } from '../evidence/report/html.js';
import { isLoopback } from '../integrations/address.js';
import { type Page, pageOf } from '../pages/frame.js';
import type { Caller, Role } from '../values/access.js';
import { sendPage } from './page-route.js';

interface SignInOptions {
  readonly callers: Callers;
  /** In which header a trusted proxy passes the token of its user; `null`: in none. */
  readonly tokenHeader: string | null;
}

const NAME = 'abnormal-gateway';
/** Browsers accept a cookie with this prefix over TLS only, and from no other host. */
const SECURE_NAME = `__Host-${NAME}`;

/** A browser signs in with an API key, or with the token that a trusted proxy passes. */
export async function addSignIn(
  app: FastifyInstance,
  { callers, tokenHeader }: SignInOptions,
): Promise<void> {
  await app.register(async (scope) => {
    const type = 'application/x-www-form-urlencoded';
    scope.addContentTypeParser(type, { parseAs: 'string', bodyLimit: 16_384 }, (_request, body, done) => {
      done(null, Object.fromEntries(new URLSearchParams(String(body))));
    });
    const OPEN = { config: { access: 'OPEN' } } as const;
    scope.get('/sign-in', OPEN, (request, reply) => {
      const { to } = request.query as Readonly<Record<string, unknown>>;
      return sendPage(
        reply,
        signInPage({ status: 200, to: placeOf(to), proxyToken: tokenOf(request, tokenHeader) }),
      );
    });
    scope.post('/sign-in', OPEN, async (request, reply) => {
      const form = (request.body ?? {}) as Readonly<Record<string, string>>;
      const proxyToken = tokenOf(request, tokenHeader);
      const shown = { to: placeOf(form.to), proxyToken };
      const refuse = (status: number, problem: string) =>
        sendPage(reply, signInPage({ ...shown, status, problem }));
      if (!isOfThisSite(request)) return refuse(403, ELSEWHERE);
      if (!isPrivate(request)) return refuse(400, NOT_PRIVATE);
      if (!(await callers.areAsked().catch(() => true))) return reply.redirect('/', 303);
      const credential = form.with === 'proxy' ? proxyToken : (form.key ?? '').trim();
      if (!credential) return refuse(400, 'The key is missing. Paste an API key of this gateway.');
      const presented = { authorization: `Bearer ${credential}`, apiKey: undefined, address: request.ip };
      const identified = await callers.identify(presented);
      if (identified.outcome !== 'KNOWN') return refuse(...refusedAs(identified, reply));
      const session = await callers.startSession(credential);
      if (session === null)
        return refuse(
          400,
          'The token is too long for a cookie. Use an API key, or a token with fewer claims.',
        );
      setSession(request, reply, session);
      return reply.redirect(shown.to, 303);
    });
    scope.post('/sign-out', OPEN, (request, reply) => {
      if (isOfThisSite(request)) setSession(request, reply, null);
      return reply.redirect('/', 303);
    });
  });
}

const ELSEWHERE = 'The form was sent by another site. Open the page of this gateway and sign in there.';
const NOT_PRIVATE =
  'The connection is not encrypted, so the key could be read on its way. Open this page with https. Behind a proxy that ends TLS, set TRUST_PROXY.';

export type Refusal = Exclude<Identified, { outcome: 'KNOWN' }>;

export function refusedAs(refusal: Refusal, reply: FastifyReply): [number, string] {
  if (refusal.outcome === 'WAIT') {
    const seconds = Math.ceil(refusal.ms / 1000);
    reply.header('retry-after', String(seconds));
    return [429, `Too many wrong credentials came from this address. Retry in ${seconds} seconds.`];
  }
  const status = { UNAVAILABLE: 503, NO_ROLE: 403, REFUSED: 401 }[refusal.outcome];
  return [status, refusal.message];
}

/** The session that a browser sends, for the routes that accept one. */
export function sessionOf({ headers, routeOptions: { config } }: FastifyRequest): string | undefined {
  if (!(config.isPage || config.access === 'GRAPH')) return undefined;
  const cookies = parse(headers.cookie ?? '');
  return cookies[SECURE_NAME] ?? cookies[NAME];
}

/** `null` removes it. */
function setSession(request: FastifyRequest, reply: FastifyReply, session: string | null): void {
  const secure = request.protocol === 'https';
  const cookie = serialize(secure ? SECURE_NAME : NAME, session ?? '', {
    ...{ httpOnly: true, secure, sameSite: 'strict', path: '/' },
    maxAge: session === null ? 0 : SESSION_MS / 1000,
  });
  reply.header('set-cookie', cookie);
}

/**
 * Whether a page of this gateway sent the request. Browsers say so for encrypted and local addresses, which are the
 * only ones that have sessions.
 */
function isOfThisSite({ headers, host }: FastifyRequest): boolean {
  const { origin } = headers;
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site === 'same-origin';
  return origin !== undefined && URL.canParse(origin) && new URL(origin).host === host;
}

/** What a browser sends for another site by itself is refused: a request with a session must be deliberate. */
export function forgeryIn(request: FastifyRequest): string | null {
  if (request.method === 'GET' || request.method === 'HEAD') return null;
  if (!isOfThisSite(request)) return 'A session is accepted from pages of this gateway only.';
  const { headers } = request;
  const isDeliberate =
    headers['content-type']?.startsWith('application/json') ||
    headers['apollo-require-preflight'] ||
    headers['x-apollo-operation-name'];
  return isDeliberate
    ? null
    : 'With a session, a request needs the content type application/json or the header apollo-require-preflight.';
}

function isPrivate({ protocol, hostname }: FastifyRequest): boolean {
  return protocol === 'https' || isLoopback(hostname);
}

/** The token of a proxy that is trusted: behind one, the request has more than one address. */
function tokenOf(request: FastifyRequest, header: string | null): string | null {
  const token = header === null ? undefined : request.headers[header];
  const isFromProxy = (request.ips?.length ?? 0) > 1;
  return isFromProxy && typeof token === 'string' && token !== '' ? token.replace(/^Bearer +/i, '') : null;
}

/** A path of this gateway, never another site. */
function placeOf(given: unknown): string {
  return typeof given === 'string' && /^\/(reports[\w./?=&:-]*|\?window=\w+)?$/.test(given) ? given : '/';
}

interface SignInPage {
  readonly status: number;
  readonly to: string;
  readonly proxyToken?: string | null;
  readonly problem?: string;
}

/** A page that lets a browser in, and says how to get a key. */
function signInPage({ status, to, proxyToken = null, problem }: SignInPage): Page {
  const byProxy =
    proxyToken === null
      ? null
      : html`<form method="post" action="/sign-in"><input type="hidden" name="to" value="${to}"><input type="hidden" name="with" value="proxy"><p><button>Sign in with your identity provider</button></p></form>`;
  const main = html`<main>
${problem === undefined ? null : html`<p class="notice" role="alert">${problem}</p>`}
${byProxy}
<form method="post" action="/sign-in">
<input type="hidden" name="to" value="${to}">
<input type="text" autocomplete="username" value="abnormal-gateway" hidden>
<label for="key">API key or token</label>
<input id="key" name="key" type="password" autocomplete="current-password" required aria-describedby="how">
<p><button>Sign in</button></p>
</form>
<p id="how" class="soft">You stay signed in for ${SESSION_MS / 3_600_000} hours at most. To get a key, ask the operator of the gateway, who creates one with <code>keys api --name NAME --role reader</code>.</p>
<p class="soft">Programs send the key in the header <code>Authorization</code>. <a href="/ide">/ide</a> and <a href="/graphql">/graphql</a> open without a key, and need one for every query; <a href="/healthz">/healthz</a> and <a href="/readyz">/readyz</a> need none.</p>
</main>`;
  return { status, html: pageOf('Sign in', html`<h1>Sign in</h1>`, main) };
}

/** What a browser gets for a page that it may not open, instead of an error for programs. */
export function refusedPage(request: FastifyRequest, refusal: Refusal, reply: FastifyReply): Page {
  // a link of another site brings no cookie of this one; loaded again from here, the page gets it
  if (request.headers['sec-fetch-site'] === 'cross-site' && request.headers.cookie === undefined)
    return again(request.url);
  const to = placeOf(request.url);
  const isWrong = request.headers.authorization !== undefined || request.headers['x-api-key'] !== undefined;
  if (refusal.outcome === 'REFUSED' && !isWrong) return signInPage({ status: to === '/' ? 200 : 401, to });
  const [status, problem] = refusedAs(refusal, reply);
  return signInPage({ status, to, problem });
}

function again(url: string): Page {
  const refresh: Html = html`<meta http-equiv="refresh" content="0; url=${placeOf(url)}">`;
  return {
    status: 200,
    html: pageOf(
      'One moment',
      html`<h1>One moment</h1>${refresh}`,
      html`<main><p><a href="${placeOf(url)}">Open the page</a></p></main>`,
    ),
  };
}

export function forbiddenPage(caller: Caller, role: Role): Page {
  const text = html`<p>This page needs the role <strong>${role}</strong>; your role is <strong>${caller.role}</strong>. Ask the operator of the gateway for a key with that role, sign out, and sign in with it.</p><p><a href="/">Overview</a></p>`;
  return {
    status: 403,
    html: pageOf('Not allowed', html`<h1>Not allowed for your role</h1>`, html`<main>${text}</main>`),
  };
}

import { instantText } from '../controls/words.js';
import { type Html, html, instantMarkup } from '../evidence/report/html.js';
import { HATCHING } from '../evidence/report/html-charts.js';
import { SIMULATED_ACCOUNT } from '../integrations/accounts.js';
import type { Caller } from '../values/access.js';
import { BLOCKS, type Block } from './blocks.js';
import { agoText, noticesOf } from './collected.js';
import { pageOf } from './frame.js';
import { failureNotice, MissingAnswer, type OverviewView, SPAN_TEXTS, SPANS, storedWindow } from './view.js';

interface PageFrame {
  readonly title: string;
  readonly caller: Caller;
  /** Is called with what a block threw; the other blocks are not affected. */
  readonly onFailure: (block: string, error: unknown) => void;
}

export function overviewPage(view: OverviewView, { title, caller, onFailure }: PageFrame): string {
  const { asOf, now, window, span, hasIde } = view;
  const spans = SPANS.map((each) =>
    each === span
      ? html`<li><a href="/?window=${each}" aria-current="page">${SPAN_TEXTS[each]}</a></li>`
      : html`<li><a href="/?window=${each}">${SPAN_TEXTS[each]}</a></li>`,
  );
  const header = html`<h1>${title}</h1>
${simulatedBanner(view)}
<p class="wide"><strong>As of ${instantMarkup(asOf)}</strong> (${agoText(asOf, now)}). Window: ${instantText(window.from)} to ${instantText(window.to)}, all times in UTC (+00:00).</p>
<nav aria-label="Window"><ul>${spans}<li class="unprinted"><a href="/?window=${span}">Refresh</a></li></ul></nav>
${signedIn(caller)}`;
  const blocks = BLOCKS.map((block) => blockSection(block, view, onFailure));
  const links = [
    html`<li><a href="/graphql">/graphql</a>: the graph; a browser shows Apollo Sandbox, which is loaded from Apollo’s servers</li>`,
    ...(hasIde ? [html`<li><a href="/ide">/ide</a>: an IDE that works without a network</li>`] : []),
    html`<li><a href="/reports">/reports</a>: reports of all periods, for operators</li>`,
    html`<li><a href="/readyz">/readyz</a>, <a href="/healthz">/healthz</a>: whether the gateway can serve, and whether it runs</li>`,
  ];
  const main = html`${HATCHING}<main class="blocks">${blocks}</main>`;
  return pageOf(title, header, main, html`<nav aria-label="Other pages"><ul>${links}</ul></nav>`);
}

/** Who reads the page, if callers are asked who they are. */
export function signedIn({ kind, name, role }: Caller): Html | null {
  if (kind !== 'API_KEY' && kind !== 'JWT') return null;
  return html`<form method="post" action="/sign-out" class="unprinted"><p>Signed in as <strong>${name}</strong> (${role}). <button>Sign out</button></p></form>`;
}

function simulatedBanner({ answer }: OverviewView): Html | null {
  const names = (answer.data?.integrations ?? []).filter(
    ({ name, origin }) => origin === 'SIMULATED' || name === SIMULATED_ACCOUNT,
  );
  if (names.length === 0) return null;
  return html`<p class="banner" role="note">Simulated: all records are invented. This is an example, and no evidence. To show your account, set <code>ABNORMAL_TOKEN</code>.</p>`;
}

function blockSection(block: Block, view: OverviewView, onFailure: PageFrame['onFailure']): Html {
  const { id, title, question, resource } = block;
  const scope = resource === null ? null : view.collected[resource];
  const window = block.isOfAllTime && resource !== null ? storedWindow(view, resource) : view.window;
  const notices = scope === null ? [] : noticesOf(scope, window, view.isOperator);
  return html`<section id="${id}" aria-labelledby="${id}-title">
<h2 id="${id}-title">${title}</h2>
<p class="soft">${question}</p>
${notices.map(({ isQuiet, text }) => html`<p class="notice${isQuiet ? ' quiet' : ''}">${text}</p>`)}
${scope?.isRefused ? null : bodyOf(block, view, onFailure)}
</section>`;
}

function bodyOf(block: Block, view: OverviewView, onFailure: PageFrame['onFailure']): Html {
  try {
    return block.body(view);
  } catch (error) {
    if (error instanceof MissingAnswer) return failureNotice(error);
    onFailure(block.id, error);
    return html`<p class="notice">This block could not be shown because of an internal error; the log has the reason. The other blocks are not affected.</p>`;
  }
}

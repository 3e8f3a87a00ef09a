import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { documentMarkup, type Html, html, STYLE, tableMarkup } from '../evidence/report/html.js';

/** What the report's style does not have: a grid of blocks, notices, and colours that a user forces. */
const OWN_STYLE = `
body { max-width: 90rem; }
.wide { max-width: none; }
main.blocks { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 36rem), 1fr)); gap: 1.25rem; align-items: start; }
main.blocks > section { border: 1px solid var(--line); border-radius: .4rem; padding: 1rem 1.25rem; min-width: 0; }
main.blocks > #controls { grid-column: 1 / -1; }
main.blocks h2 { margin: 0; }
.finding { font-size: 1.0625rem; font-weight: 600; }
figure { margin: 0; }
figcaption { margin: .5rem 0; }
.notice { border-left: .3rem solid var(--doubt); padding: .3rem .75rem; margin: .5rem 0; }
.notice.quiet { border-left-color: var(--line); color: var(--soft); }
.banner { border: 2px solid var(--doubt); padding: .75rem 1rem; font-weight: 600; max-width: none; }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1rem; list-style: none; padding: 0; margin: .5rem 0; }
nav li { margin: 0; }
nav a, .number a, form button { display: inline-block; min-width: 24px; min-height: 24px; }
nav [aria-current] { font-weight: 700; text-decoration: none; color: var(--ink); }
a.list { font-size: .8125rem; font-weight: 400; }
a:focus-visible, summary:focus-visible, .scroll:focus-visible, button:focus-visible, input:focus-visible { outline: 3px solid var(--mark); outline-offset: 2px; }
.unknown { stroke-dasharray: 3 2; }
summary { min-height: 24px; cursor: pointer; }
main.blocks th, main.blocks td { overflow-wrap: normal; }
main.blocks .when { white-space: normal; }
main.blocks .free { overflow-wrap: break-word; white-space: normal; max-width: 17.5rem; }
main.blocks th.free { max-width: 8.5rem; }
main.blocks .states .free { max-width: none; }
.states td .soft { font-size: .875rem; }
main.blocks .bars th { overflow-wrap: anywhere; white-space: normal; }
main.blocks .bars th { width: 45%; }
main.blocks .bars td.bar { width: 40%; min-width: 3rem; }
details { margin: .75rem 0 0; }
label { display: block; margin: .75rem 0 .25rem; }
input, button { font: inherit; color: inherit; background: var(--raised); border: 1px solid var(--soft); border-radius: .25rem; padding: .4rem .6rem; }
input { width: 100%; max-width: 36rem; }
@media (min-width: 40.01rem) {
  .states { table-layout: fixed; }
  .states th:nth-child(1) { width: 18%; } .states th:nth-child(3) { width: 18%; } .states th:nth-child(4) { width: 28%; } .states th:nth-child(5) { width: 20%; }
  main.blocks .states th, main.blocks .states td { overflow-wrap: break-word; }
  .states .verdict { white-space: normal; }
}
@media (max-width: 40rem) {
  .number { white-space: normal; }
  main.blocks > section { padding: .75rem; }
  main.blocks .bars tr { display: grid; grid-template-columns: 1fr auto; }
  main.blocks .bars th { grid-column: 1 / -1; width: auto; }
  main.blocks .bars td.bar { width: auto; }
}
@media (forced-colors: active) {
  :root { --ground: Canvas; --raised: Canvas; --ink: CanvasText; --soft: CanvasText; --line: CanvasText; --held: CanvasText; --mark: LinkText; --doubt: CanvasText; --pass: CanvasText; --fail: CanvasText; --none: CanvasText; }
  svg { forced-color-adjust: auto; }
}
@media print { main.blocks { display: block; } main.blocks > section { break-inside: avoid; margin-bottom: 1rem; } nav, a.list, .unprinted { display: none; } }
`;
const PAGE_STYLE = STYLE + OWN_STYLE;

/** Nothing but the style of the page itself; forms go to this gateway only. */
export const PAGE_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(PAGE_STYLE).digest('base64')}'`,
  'img-src data:',
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ');

export function pageOf(title: string, header: Html, main: Html, footer: Html | null = null): string {
  const body = html`<header>${header}</header>
${main}
${footer === null ? null : html`<footer>${footer}</footer>`}`;
  return documentMarkup(title, PAGE_STYLE, null, body);
}

export interface Page {
  readonly status: number;
  readonly html: string;
}

export function messagePage(status: number, title: string, text: Html): Page {
  return { status, html: pageOf(title, html`<h1>${title}</h1>`, html`<main><p>${text}</p></main>`) };
}

/** The page of the documentation that the namespace in OSCAL documents leads to, as it is in the package. */
export function propertiesText(): Promise<string> {
  return readFile(new URL('../../docs/oscal.md', import.meta.url), 'utf8');
}

export async function propertiesPage(): Promise<Page> {
  const [title = '', ...blocks] = (await propertiesText()).trim().split(/\n{2,}/);
  const heading = title.replace(/^# /, '');
  return {
    status: 200,
    html: pageOf(heading, html`<h1>${heading}</h1>`, html`<main class="wide">${blocks.map(blockOf)}</main>`),
  };
}

/** Of Markdown, as much as the page uses. */
function blockOf(text: string): Html {
  if (text.startsWith('## ')) return html`<h2>${text.slice(3)}</h2>`;
  if (!text.startsWith('|')) return html`<p>${lineOf(text)}</p>`;
  const [first = [], , ...rows] = text.split('\n').map((line) => line.slice(2, -2).split(' | '));
  const headings = first.map((heading) => heading.replaceAll('`', ''));
  const lines = rows.map(([name = '', ...cells]) => {
    const more = cells.map((cell, i) => html`<td data-name="${headings[i + 1] ?? ''}">${lineOf(cell)}</td>`);
    return html`<tr><th scope="row">${lineOf(name)}</th>${more}</tr>`;
  });
  return tableMarkup('properties', headings.join(', '), headings, lines);
}

/** Names in backquotes are code; a link to another page of the documentation is only text. */
function lineOf(text: string): Html {
  const parts = text.replaceAll(/\[([^\]]+)\]\([^)]+\)/g, '$1').split('`');
  const marked = parts.map((part, i) => (i % 2 === 1 ? html`<code>${part}</code>` : html`${part}`));
  return marked.reduce((all, part) => html`${all}${part}`);
}

import { readFile } from 'node:fs/promises';
import { type Html, html, tableMarkup } from '../evidence/report/html.js';
import { type Page, pageOf } from './frame.js';

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

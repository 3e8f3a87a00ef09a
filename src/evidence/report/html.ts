import type { ControlVerdict } from '../../controls/control.js';
import { instantText } from '../../controls/words.js';
import type { Instant } from '../../values/instant.js';

/** Markup that is safe as it is. */
export class Html {
  constructor(readonly text: string) {}
}

type Part = string | number | null | Html | readonly Html[];

/** Escapes all values that are not `Html`. */
export function html(strings: TemplateStringsArray, ...values: readonly Part[]): Html {
  const text = strings.reduce(
    (all, part, i) => all + part + (i < values.length ? render(values[i] ?? null) : ''),
    '',
  );
  return new Html(text);
}

function render(value: Part): string {
  if (value === null) return '';
  if (value instanceof Html) return value.text;
  if (typeof value === 'object') return value.map(({ text }) => text).join('\n');
  return escapeHtml(String(value));
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Safe in elements and attributes; control characters become visible. */
export function escapeHtml(text: string): string {
  return text
    .replace(/[&<>"']/g, (character) => ESCAPES[character] ?? character)
    .replace(/(?![\t\n\r])[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, '\ufffd');
}

/** A whole page. `policy`: what it may load, if no header says so. */
export function documentMarkup(title: string, style: string, policy: string | null, body: Html): string {
  const own =
    policy === null
      ? null
      : html`<meta http-equiv="Content-Security-Policy" content="${new Html(policy)}">
`;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
${own}<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>${title}</title>
<style>${new Html(style)}</style>
</head>
<body>
${body}
</body>
</html>
`.text;
}

export const VERDICT_WORDS: Readonly<Record<ControlVerdict, string>> = {
  FAIL: 'failed',
  INSUFFICIENT_DATA: 'undecided',
  PASS: 'passed',
  NOT_APPLICABLE: 'not applicable',
};

export const VERDICT_LABELS: Readonly<Record<ControlVerdict, string>> = {
  PASS: '✓ Pass',
  FAIL: '✕ Fail',
  INSUFFICIENT_DATA: '? Insufficient data',
  NOT_APPLICABLE: '– Not applicable',
};

/** Not broken at the end of a line. */
export function instantMarkup(at: Instant): Html {
  return html`<span class="when">${instantText(at)}</span>`;
}

export function spanMarkup(from: Instant, to: Instant): Html {
  return html`${instantMarkup(from)} to ${instantMarkup(to)}`;
}

/** On a narrow screen, a stack of cells. A heading that begins with `#` is of a column of numbers. */
export function tableMarkup(
  name: string,
  caption: string,
  headings: readonly string[],
  rows: readonly Html[],
): Html {
  const cells = headings.map((text) =>
    text.startsWith('#')
      ? html`<th scope="col" class="number">${text.slice(1)}</th>`
      : html`<th scope="col">${text}</th>`,
  );
  return html`<table class="stack ${name}"><caption class="said">${caption}</caption>
<thead><tr>${new Html(cells.map(({ text }) => text).join(''))}</tr></thead>
<tbody>${rows}</tbody></table>`;
}

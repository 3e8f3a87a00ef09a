import type { ControlVerdict } from '../../controls/control.js';
import { instantText } from '../../controls/words.js';
import type { Instant } from '../../values/instant.js';

/**
 * Text has a contrast of at least 4.5 to 1 in both schemes, marks of at least 3 to 1; no verdict is shown by
 * colour alone.
 */
export const STYLE = `
:root {
  color-scheme: light dark;
  --ground: #ffffff; --raised: #f6f8fa; --ink: #1b1f24; --soft: #57606a; --line: #d0d7de;
  --pass: #1a7f37; --fail: #cf222e; --doubt: #8a5a00; --none: #57606a; --held: #4184e4; --mark: #0757ba;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #0d1117; --raised: #161b22; --ink: #e6edf3; --soft: #9aa4ae; --line: #3d444d;
    --pass: #3fb950; --fail: #ff6a62; --doubt: #d9a52c; --none: #9aa4ae; --held: #4e8fe8; --mark: #8ab8ff;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 66rem; background: var(--ground); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
  overflow-wrap: anywhere;
}
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 .25rem; }
h2 { font-size: 1.3rem; line-height: 1.3; margin: 3rem 0 .75rem; }
h3 { font-size: 1rem; margin: 1.5rem 0 .5rem; }
p { margin: .5rem 0; max-width: 46rem; }
a { color: var(--mark); }
code { font: .875em/1.4 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
.soft { color: var(--soft); }
.warning { border: 1px solid var(--doubt); border-left-width: .4rem; padding: .6rem 1rem; margin: 1rem 0; }
dl.facts { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; margin: 1rem 0; }
dl.facts dt { color: var(--soft); }
dl.facts dd { margin: 0; }
table { border-collapse: collapse; width: 100%; font-size: .9375rem; }
caption { text-align: left; color: var(--soft); padding-bottom: .35rem; }
th, td { overflow-wrap: anywhere; text-align: left; vertical-align: top; padding: .45rem .75rem .45rem 0; border-bottom: 1px solid var(--line); }
.said { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
thead th { color: var(--soft); font-weight: 600; font-size: .8125rem; border-bottom-width: 2px; }
tbody th { font-weight: 600; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.number + td, th.number + th { padding-left: 1.25rem; }
.when { white-space: nowrap; }
tr p, li p { margin: .25rem 0; }
li { max-width: 46rem; margin: .5rem 0; }
ol { padding-left: 1.5rem; }
.command { border: 1px solid var(--line); background: var(--raised); padding: .25rem .6rem; margin: .4rem 0; }
.scroll { overflow-x: auto; }
.verdict {
  display: inline-block; border: 1.5px solid currentColor; border-radius: 1rem; padding: 0 .6rem; font-weight: 600;
  font-size: .8125rem; line-height: 1.6; white-space: nowrap;
}
.PASS { color: var(--pass); } .FAIL { color: var(--fail); }
.INSUFFICIENT_DATA { color: var(--doubt); } .NOT_APPLICABLE { color: var(--none); }
.legend li, .tally li { margin: 0; }
.tally { display: flex; flex-wrap: wrap; gap: .5rem 1.25rem; padding: 0; margin: 1.25rem 0; list-style: none; }
.tally strong { font-size: 1.5rem; margin-right: .35rem; font-variant-numeric: tabular-nums; }
section.control { border-top: 1px solid var(--line); margin-top: 2.5rem; }
section.control h2 { display: flex; flex-wrap: wrap; gap: .25rem .75rem; align-items: center; margin-top: 1.75rem; }
.reason { font-size: 1.0625rem; }
svg { display: block; width: 100%; overflow: visible; }
.axis { display: flex; justify-content: space-between; gap: 1rem; color: var(--soft); font-size: .8125rem; }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; color: var(--soft); font-size: .8125rem; margin: .5rem 0; padding: 0; list-style: none; }
.legend svg { display: inline-block; width: 1.1rem; height: .9rem; margin-right: .35rem; vertical-align: -.1rem; }
.legend svg.mark { height: 22px; vertical-align: 0; }
.strips { display: grid; grid-template-columns: minmax(9rem, max-content) 1fr; gap: .45rem 1rem; align-items: center; margin: .75rem 0; }
.strips .name { font-size: .9375rem; }
.chart { display: grid; grid-template-columns: max-content 1fr; gap: 0 .6rem; margin: .75rem 0; }
.chart .scale { display: flex; flex-direction: column; justify-content: space-between; align-items: flex-end; color: var(--soft); font-size: .8125rem; line-height: 1; }
.chart .axis { grid-column: 2; margin-top: .3rem; }
.bars { margin-top: 1rem; }
.bars th { font-weight: 400; width: 1%; white-space: nowrap; }
.bars td.bar { min-width: 6rem; width: 99%; padding-right: .75rem; vertical-align: middle; }
.bars th, .bars td { border: 0; padding-top: .2rem; padding-bottom: .2rem; }
.strips .time { grid-column: 2; }
.time line { stroke: var(--soft); } .time text { fill: var(--soft); font-size: .8125rem; }
@media (min-width: 40.01rem) {
  .verdicts th:nth-child(1) { width: 25%; } .verdicts th:nth-child(2) { width: 15%; } .verdicts th:nth-child(5) { width: 27%; }
  .gone th:nth-child(1) { width: 70%; }
  .exceptions th:nth-child(1) { width: 38%; } .exceptions th:nth-child(2) { width: 21%; }
  .gaps th:nth-child(1) { width: 30%; } .gaps th:nth-child(2) { width: 21%; } .gaps tbody th { font-weight: 400; }
  .thresholds th { width: 13rem; } .thresholds thead th:nth-child(2) { width: 6rem; } .thresholds thead th:nth-child(3) { width: auto; }
  .measures th:nth-child(1) { width: 50%; } .measures th:nth-child(2) { width: 20%; }
}
footer { margin-top: 4rem; border-top: 1px solid var(--line); }
@media (max-width: 40rem) {
  body { padding: 1.25rem 1rem 3rem; }
  .strips { grid-template-columns: 1fr; gap: .15rem; }
  .strips .time { grid-column: 1; }
  .when { white-space: normal; }
  .strips .name { margin-top: .5rem; }
  table.stack thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  table.stack caption:not(.said) { display: block; }
  table.stack, table.stack tbody, table.stack tr, table.stack th, table.stack td { display: block; width: auto; }
  table.stack tr { border-bottom: 1px solid var(--line); padding: .5rem 0; }
  table.stack th, table.stack td { border: 0; padding: .1rem 0; text-align: left; white-space: normal; }
  table.stack td[data-name]:not(:empty)::before { content: attr(data-name) ": "; color: var(--soft); }
  td.number + td { padding-left: 0; }
  .bars th { white-space: normal; width: 40%; }
  .bars td.bar { width: 50%; }
  dl.facts { grid-template-columns: 1fr; gap: 0; }
  dl.facts dd { margin-bottom: .4rem; }
}
pre.policy { overflow-x: auto; white-space: pre-wrap; overflow-wrap: anywhere; font-size: .85em; }
.printed { display: none; }
.sign-off td { height: 2.6em; min-width: 9em; }
@media print {
  :root {
    --ground: #ffffff; --raised: #ffffff; --ink: #000000; --soft: #444444; --line: #999999;
    --pass: #1a7f37; --fail: #b01020; --doubt: #7a4f00; --none: #555555; --held: #4184e4; --mark: #000000;
  }
  @page {
    margin: 16mm 14mm;
    @bottom-right { content: counter(page) " / " counter(pages); font: 8pt sans-serif; color: #444444; }
  }
  html { font-size: 10pt; }
  body { max-width: none; padding: 0; }
  svg { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  h2, h3, h2 + p, caption { break-after: avoid; }
  tr, svg, .strips, .chart, .tally { break-inside: avoid; }
  thead { display: table-header-group; }
  .scroll { overflow: visible; }
  .exceptions tbody tr:nth-child(n + 51), .gone tbody tr:nth-child(n + 51) { display: none; }
  .printed { display: block; }
}
`;

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

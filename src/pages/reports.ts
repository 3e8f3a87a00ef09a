import { setTimeout as delay } from 'node:timers/promises';
import type { ControlVerdict } from '../controls/control.js';
import { instantText } from '../controls/words.js';
import { type Html, html, instantMarkup, tableMarkup, VERDICT_WORDS } from '../evidence/report/html.js';
import { earliest, type Instant, toInstant, toMillis } from '../values/instant.js';
import { type Page, pageOf } from './frame.js';
import type { OverviewRequest, OverviewServices } from './overview.js';
import { signedIn } from './overview-page.js';
import { VERDICTS_QUERY, type VerdictsAnswer } from './overview-query.js';

type Verdicts = readonly { readonly control: string; readonly verdict: ControlVerdict }[];

/** A period that reports exist for: a calendar month or quarter. */
interface ListedPeriod {
  readonly period: string;
  readonly from: Instant;
  readonly to: Instant;
  readonly isRunning: boolean;
  /** `null`: not evaluated yet. */
  readonly verdicts: Verdicts | null;
  readonly reports: Readonly<Record<string, string>>;
}

interface ListedReports {
  readonly asOf: Instant;
  readonly periods: readonly ListedPeriod[];
}

const MOST_MONTHS = 12;
const MOST_QUARTERS = 4;
const FORMATS = ['html', 'json', 'ndjson', 'csv', 'oscal', 'pack'] as const;

/** How long a browser waits; what is evaluated stays so, and the next load continues. */
const PATIENCE_MS = 700;

/** The periods since the collection began, newest first, one evaluated after the other. */
export async function listReports(
  services: OverviewServices,
  request: OverviewRequest,
  isPage: boolean,
): Promise<ListedReports> {
  const asOf = earliest((await services.head()).at, toInstant(services.clock()));
  const start = await services.collectedFrom();
  const periods: ListedPeriod[] = [];
  let isLate = false;
  const late = isPage ? delay(PATIENCE_MS, null, { ref: false }) : new Promise<null>(() => {});
  void late.then(() => {
    isLate = true;
  });
  for (const period of start === null ? [] : calendar(start, asOf)) {
    const asked = isLate ? null : verdictsOf(services, request, asOf, period.period);
    asked?.catch(() => {});
    periods.push({ ...period, verdicts: await Promise.race([asked, late]) });
  }
  return { asOf, periods };
}

/** `null` if they cannot be evaluated now. */
async function verdictsOf(
  { ask }: OverviewServices,
  request: OverviewRequest,
  asOf: Instant,
  period: string,
): Promise<Verdicts | null> {
  const { data } = await ask<VerdictsAnswer>(VERDICTS_QUERY, { asOf, period }, request);
  return data?.evidence?.results.map(({ control, verdict }) => ({ control: control.id, verdict })) ?? null;
}

function calendar(start: Instant, asOf: Instant): Omit<ListedPeriod, 'verdicts'>[] {
  const now = new Date(toMillis(asOf));
  const [year, month] = [now.getUTCFullYear(), now.getUTCMonth()];
  const months = Array.from({ length: MOST_MONTHS }, (_, i) => span(year, month - i, 1));
  const quarters = Array.from({ length: MOST_QUARTERS }, (_, i) =>
    span(year, month - (month % 3) - 3 * i, 3),
  );
  return [...quarters, ...months]
    .filter(({ to }) => to > start)
    .map((each) => {
      const path = `/reports/${each.period}?format=`;
      const reports = Object.fromEntries(FORMATS.map((format) => [format, `${path}${format}`]));
      return { ...each, isRunning: each.to > asOf, reports };
    });
}

function span(year: number, month: number, length: number) {
  const [from, to] = [month, month + length].map((n) => toInstant(Date.UTC(year, n, 1))) as [
    Instant,
    Instant,
  ];
  const quarter = `${from.slice(0, 4)}-Q${Math.ceil(Number(from.slice(5, 7)) / 3)}`;
  return { period: length === 3 ? quarter : from.slice(0, 7), from, to };
}

export function reportsPage({ asOf, periods }: ListedReports, request: OverviewRequest, title: string): Page {
  const rows = periods.map(({ period, from, to, isRunning, verdicts, reports }) => {
    const links = FORMATS.map(
      (format) =>
        html`<a href="${reports[format] ?? ''}">${format}<span class="said"> of ${period}</span></a>`,
    );
    return html`<tr><th scope="row"><a href="${reports.html ?? ''}">${period}</a></th><td data-name="From">${instantText(from)}</td><td data-name="To">${instantText(to)}${isRunning ? ' (not over yet)' : ''}</td><td data-name="Verdicts">${verdictText(verdicts)}</td><td data-name="Reports"><nav aria-label="Reports of ${period}">${links}</nav></td></tr>`;
  });
  const isWhole = periods.every(({ verdicts }) => verdicts !== null);
  const body =
    rows.length === 0
      ? html`<p>Nothing was collected yet, so there is no period to report on. Load the page again in some minutes.</p>`
      : tableMarkup(
          'periods',
          'Periods and the verdicts of their controls',
          ['Period', 'From', 'To', 'Verdicts', 'Reports'],
          rows,
        );
  return {
    status: 200,
    html: pageOf(
      `Reports, ${title}`,
      html`<h1>Reports</h1>
<p><a href="/">Overview</a></p>
<p class="wide"><strong>As of ${instantMarkup(asOf)}</strong>, all times in UTC; the end of a period is not included.</p>
${signedIn(request.caller)}`,
      html`<main>${isWhole ? null : html`<p class="notice">Periods are being evaluated. <a href="">Load the page again</a> in some seconds; if this stays, ask an operator of the gateway.</p>`}
${body}
<p>Any other period: <code>/reports/2026-W37</code>, <code>/reports/2026-09-01/2026-09-15</code>. Programs get this list as JSON (<code>Accept: application/json</code>).</p></main>`,
    ),
  };
}

function verdictText(verdicts: ListedPeriod['verdicts']): Html | string {
  if (verdicts === null) return 'not evaluated yet';
  const parts = (Object.keys(VERDICT_WORDS) as ControlVerdict[]).flatMap((verdict) => {
    const count = verdicts.filter((each) => each.verdict === verdict).length;
    return count === 0 ? [] : html`<span class="${verdict}">${count} ${VERDICT_WORDS[verdict]}</span> `;
  });
  return html`${parts}`;
}

import type { Verdict } from '../controls/control.js';
import type { ControlResult } from '../controls/evaluate.js';
import { THRESHOLD_NAMES, THRESHOLDS } from '../controls/thresholds.js';
import { durationText, instantText, shareText } from '../controls/words.js';
import { toMillis } from '../model/instant.js';
import { streamText } from '../model/stream.js';
import type { Evidence } from './evaluate-period.js';
import { type Html, html, Html as Markup } from './html.js';
import { coverageStrips, pointsOf, verdictMark, verdictStrip } from './html-charts.js';
import { controlSection, verdictBadge } from './html-control.js';
import { STYLE } from './html-style.js';
import { thresholdText, VERDICT_WORDS, valueText } from './html-words.js';

export interface HtmlReportOptions {
  /** Integrations whose records are invented. */
  readonly simulated: readonly string[];
}

/**
 * The evidence as one page that needs nothing else: no script, no request, no clock. The same evidence gives the
 * same bytes.
 */
export function htmlReport(evidence: Evidence, { simulated }: HtmlReportOptions): string {
  const { period, results } = evidence;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'">
<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>E-mail security controls, ${period.text}</title>
<style>${new Markup(STYLE)}</style>
</head>
<body>
<header>
<h1>E-mail security controls, ${period.text}</h1>
${simulatedWarning(evidence, simulated)}
${facts(evidence)}
${tally(results)}
</header>
<main>
${summary(evidence)}
<h2 id="coverage">Coverage</h2>
<p>What the history holds of the period, stream by stream. A verdict passes only where all that it rests on is held.</p>
${coverageStrips(evidence.streams, period)}
${gapTable(evidence)}
${results.map((result) => controlSection(result, evidence))}
</main>
${footer(evidence)}
</body>
</html>
`.text;
}

function simulatedWarning({ integrations }: Evidence, simulated: readonly string[]): Html | null {
  const invented = integrations.filter((name) => simulated.includes(name));
  if (invented.length === 0) return null;
  return html`<p class="warning"><strong>Simulated.</strong> All records of ${invented.join(', ')} are invented: this report shows what one looks like, and is evidence of nothing.</p>`;
}

function facts({ period, pin, integrations }: Evidence): Html {
  return html`<dl class="facts">
<dt>Period</dt><dd>${instantText(period.from)} to ${instantText(period.to)}, UTC, the end not included</dd>
<dt>As of</dt><dd>${instantText(pin.at)}, recording ${pin.seq}</dd>
<dt>Abnormal accounts</dt><dd>${integrations.length === 0 ? 'none was ever read' : integrations.join(', ')}</dd>
</dl>`;
}

function tally(results: readonly ControlResult[]): Html {
  const items = (Object.keys(VERDICT_WORDS) as Verdict[]).map((verdict) => {
    const count = results.filter((result) => result.verdict === verdict).length;
    return count === 0
      ? html``
      : html`<li class="${verdict}"><strong>${count}</strong>${VERDICT_WORDS[verdict]}</li>`;
  });
  return html`<ul class="tally" aria-label="Verdicts">${items}</ul>`;
}

function summary(evidence: Evidence): Html {
  const hasTrend = evidence.trend.length > 1;
  const rows = evidence.results.map((result) => {
    const [measure] = result.measures;
    const strip = hasTrend
      ? html`<td data-name="Trend">${verdictStrip(result.title, pointsOf(evidence, result.control))}</td>`
      : null;
    return html`<tr><th scope="row"><a href="#${result.control}">${result.title}</a></th><td>${verdictBadge(result)}</td><td data-name="Measured">${measure ? `${measure.name}: ${valueText(measure)}` : ''}${measure?.threshold ? html` <span class="soft">(${thresholdText(measure)})</span>` : null}</td><td class="number" data-name="Exceptions">${result.outcomes.EXCEPTION}</td>${strip}</tr>`;
  });
  return html`<h2 id="verdicts">Verdicts</h2>
<table class="stack"><caption class="soft">Each control over the whole period${hasTrend ? trendCaption(evidence) : ''}</caption>
<thead><tr><th scope="col">Control</th><th scope="col">Verdict</th><th scope="col">Measured</th><th scope="col" class="number">Exceptions</th>${hasTrend ? html`<th scope="col" style="width:26%">Trend</th>` : null}</tr></thead>
<tbody>${rows}</tbody></table>
${hasTrend ? legend() : null}`;
}

function trendCaption({ trend }: Evidence): string {
  return `, and each of its ${trend.length} parts by itself, from ${trend[0]?.period.text} to ${trend.at(-1)?.period.text}`;
}

function legend(): Html {
  const marks = (['PASS', 'FAIL', 'INSUFFICIENT_DATA', 'NOT_APPLICABLE'] as const).map(
    (verdict) =>
      html`<li><svg viewBox="0 0 100 22" preserveAspectRatio="none" aria-hidden="true">${verdictMark(verdict, 0.1, 0.8)}</svg>${VERDICT_WORDS[verdict]}</li>`,
  );
  return html`<ul class="legend" aria-label="Marks of the trend">${marks}</ul>`;
}

function gapTable({ streams, period }: Evidence): Html {
  const gaps = streams.flatMap(({ stream, gaps: own }) =>
    own.filter(({ from }) => from < period.to).map((gap) => ({ stream, gap })),
  );
  if (gaps.length === 0) return html`<p>No gaps.</p>`;
  const rows = gaps
    .slice(0, SHOWN_GAPS)
    .map(
      ({ stream, gap }) =>
        html`<tr><td><code>${streamText(stream)}</code></td><td data-name="From">${instantText(gap.from)}</td><td data-name="To">${instantText(gap.to)}</td><td data-name="Length">${durationText(toMillis(gap.to) - toMillis(gap.from))}</td><td data-name="Why">${GAP_WORDS[gap.class]}: ${gap.reason.toLowerCase().replaceAll('_', ' ')}${gap.detail === null ? '' : ` (${gap.detail})`}</td></tr>`,
    );
  const rest = gaps.length - rows.length;
  return html`<table class="stack"><caption class="soft">Gaps</caption>
<thead><tr><th scope="col">Stream</th><th scope="col">From</th><th scope="col">To</th><th scope="col">Length</th><th scope="col">Why</th></tr></thead>
<tbody>${rows}</tbody></table>${rest > 0 ? html`<p>${rest} more are not shown here; the JSON report has all of them.</p>` : null}`;
}

const SHOWN_GAPS = 100;

const GAP_WORDS = { HOLE: 'hole', UNREACHED: 'not reached', NOT_DUE: 'not due yet' } as const;

function footer({ period, pin, thresholds }: Evidence): Html {
  const rows = THRESHOLD_NAMES.map((name) => {
    const { type, description } = THRESHOLDS[name];
    const value = thresholds[name];
    const text =
      type === 'share' ? shareText(value) : type === 'duration' ? durationText(value) : String(value);
    return html`<tr><th scope="row"><code>${name}</code></th><td data-name="Value">${text}</td><td>${description.replaceAll('`', '')}</td></tr>`;
  });
  return html`<footer>
<h2 id="thresholds">Thresholds</h2>
<table class="stack"><caption class="soft">What the verdicts were judged by</caption>
<thead><tr><th scope="col">Name</th><th scope="col">Value</th><th scope="col">What it decides</th></tr></thead>
<tbody>${rows}</tbody></table>
<h2 id="again">The same again</h2>
<p>Everything here comes from the recorded history as it stood at recording ${pin.seq}. As long as that history is kept, <code>report --period ${period.text} --as-of ${pin.at} --format html</code> with the same options writes this page again, byte for byte.</p>
</footer>`;
}

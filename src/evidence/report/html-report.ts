import type { ControlVerdict } from '../../controls/control.js';
import type { EvaluatedControl } from '../../controls/evaluate.js';
import { instantText } from '../../controls/words.js';
import { THRESHOLD_NAMES, THRESHOLDS } from '../../policy/thresholds.js';
import type { PeriodEvidence } from '../evaluate-period.js';
import type { NamedSeal } from '../seal/make-seals.js';
import { documentMarkup, type Html, html, STYLE, VERDICT_WORDS } from './html.js';
import { pointsOf, verdictMark, verdictStrip } from './html-charts.js';
import {
  controlSection,
  criteriaSection,
  policySection,
  signOff,
  thresholdValue,
  verdictBadge,
} from './html-control.js';
import { coverageStrips, gapTable } from './html-coverage.js';

interface HtmlReportOptions {
  readonly simulated: readonly string[];
  /** The last seal before the view; missing if there is none. */
  readonly seal?: NamedSeal | null;
}

const OWN_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

/** A self-contained page: no script, no request, no clock. The same evidence gives the same bytes. */
export function htmlReport(evidence: PeriodEvidence, { simulated, seal = null }: HtmlReportOptions): string {
  const { period, results, rules } = evidence;
  const title = `${rules.policy.title}, ${period.text}`;
  const body = html`<header>
<h1>${title}</h1>
${simulatedWarning(evidence, simulated)}
${facts(evidence)}
${tally(results)}
</header>
<main>
${summary(evidence)}
${criteriaSection(evidence)}
<h2 id="coverage">Coverage</h2>
<p>What is stored of the period, per stream. A control passes only if all data that it needs are stored.</p>
${coverageStrips(evidence.streams, period)}
${gapTable(evidence.streams, period)}
${results.map((result) => controlSection(result, evidence))}
${signOff(evidence)}
</main>
${footer(evidence, seal)}`;
  return documentMarkup(title, STYLE, OWN_POLICY, body);
}

function simulatedWarning({ integrations }: PeriodEvidence, simulated: readonly string[]): Html | null {
  const invented = integrations.filter((name) => simulated.includes(name));
  if (invented.length === 0) return null;
  return html`<p class="warning"><strong>Simulated.</strong> All records of ${invented.join(', ')} are invented: this report is an example, and no evidence.</p>`;
}

function facts({ period, pin, integrations, rules: { policy } }: PeriodEvidence): Html {
  const organisation =
    policy.organisation &&
    html`<dt>Organisation</dt><dd>${policy.organisation}</dd>
`;
  const rules =
    policy.file &&
    html`
<dt>Policy</dt><dd>SHA-256 <code>${policy.file.digest}</code>, see <a href="#policy">policy</a></dd>`;
  return html`<dl class="facts">
${organisation}<dt>Period</dt><dd>${instantText(period.from)} to ${instantText(period.to)} (UTC, the end not included)</dd>
<dt>As of</dt><dd>${instantText(pin.at)}, snapshot ${pin.seq}</dd>
<dt>Abnormal accounts</dt><dd>${integrations.length === 0 ? 'none was ever read' : integrations.join(', ')}</dd>${rules}
</dl>`;
}

function tally(results: readonly EvaluatedControl[]): Html {
  const items = (Object.keys(VERDICT_WORDS) as ControlVerdict[]).map((verdict) => {
    const count = results.filter((result) => result.verdict === verdict).length;
    return count === 0
      ? html``
      : html`<li class="${verdict}"><strong>${count}</strong>${VERDICT_WORDS[verdict]}</li>`;
  });
  return html`<ul class="tally" aria-label="Verdicts">${items}</ul>`;
}

function summary(evidence: PeriodEvidence): Html {
  const hasTrend = evidence.trend.length > 1;
  const rows = evidence.results.map((result) => {
    const strip = hasTrend
      ? html`<td data-name="Trend">${verdictStrip(result.title, pointsOf(evidence, result.control))}</td>`
      : null;
    return html`<tr><th scope="row"><a href="#${result.control}">${result.title}</a></th><td>${verdictBadge(result)}</td><td data-name="Decided by">${result.headline.text}</td><td class="number" data-name="Exceptions">${result.outcomes.EXCEPTION}</td>${strip}</tr>`;
  });
  return html`<h2 id="verdicts">Verdicts</h2>
<table class="stack verdicts"><caption class="soft">Each control over the whole period${hasTrend ? trendCaption(evidence) : ''}</caption>
<thead><tr><th scope="col">Control</th><th scope="col">Verdict</th><th scope="col">Decided by</th><th scope="col" class="number">Exceptions</th>${hasTrend ? html`<th scope="col" style="width:26%">Trend</th>` : null}</tr></thead>
<tbody>${rows}</tbody></table>
${hasTrend ? legend() : null}`;
}

function trendCaption({ trend }: PeriodEvidence): string {
  return `, and each of its ${trend.length} parts by itself, from ${trend[0]?.period.text} to ${trend.at(-1)?.period.text}`;
}

function legend(): Html {
  const marks = (['PASS', 'FAIL', 'INSUFFICIENT_DATA', 'NOT_APPLICABLE'] as const).map(
    (verdict) =>
      html`<li><svg class="mark" height="22" aria-hidden="true">${verdictMark(verdict, 0.1, 0.8)}</svg>${VERDICT_WORDS[verdict]}</li>`,
  );
  return html`<ul class="legend" aria-label="Marks of the trend">${marks}</ul>`;
}

function footer(evidence: PeriodEvidence, seal: NamedSeal | null): Html {
  const rows = THRESHOLD_NAMES.map((name) => {
    const { description } = THRESHOLDS[name];
    const value = evidence.rules.thresholds[name];
    return html`<tr><th scope="row"><code>${name}</code></th><td class="number" data-name="Value">${thresholdValue(name, value)}</td><td>${description.replaceAll('`', '')}</td></tr>`;
  });
  return html`<footer>
<h2 id="thresholds">Thresholds</h2>
<table class="stack thresholds"><caption class="soft">The thresholds of the verdicts</caption>
<thead><tr><th scope="col">Name</th><th scope="col" class="number">Value</th><th scope="col">What it decides</th></tr></thead>
<tbody>${rows}</tbody></table>
${policySection(evidence.rules)}
${proofSection(evidence, seal)}
</footer>`;
}

function proofSection({ period, pin }: PeriodEvidence, seal: NamedSeal | null): Html {
  const again = `report --period ${period.text} --as-of ${pin.at}`;
  return html`<h2 id="check">How to check this</h2>
<p>All data come from the recorded history at snapshot ${pin.seq}, ${instantText(pin.at)}. There are three ways to check that:</p>
<ol>
<li><strong>Create it again.</strong> While the history is kept, this command with the same options writes the same page, byte for byte:
${command(`${again} --format html`)}</li>
<li><strong>Check the history.</strong> ${seal === null ? UNSEALED : sealed(seal)}</li>
<li><strong>Create a pack.</strong> A pack contains this report and all data that it uses, and can be checked anywhere, without the gateway:
${command(`${again} --format pack --out evidence.tar`)}
${command('verify --pack evidence.tar')}</li>
</ol>`;
}

function command(words: string): Html {
  return html`<p class="command"><code>abnormal-gateway ${words}</code></p>`;
}

const UNSEALED = html`There was no seal at the time of this snapshot, so this page names none; <code>verify</code> checks the history against later seals.`;

function sealed({ index, hash, at, toSeq, kid }: NamedSeal): Html {
  const by = kid === null ? html`not signed` : html`signed with the key <code>${kid}</code>`;
  const published =
    kid === null
      ? null
      : html` The public key is at <code>/.well-known/abnormal-gateway-signing-keys.json</code> of the gateway.`;
  return html`The last seal before this view is seal ${index} of ${instantText(at)}, over everything up to snapshot ${toSeq}, ${by}. With its hash, which is in this page, <code>verify</code> names what was altered, removed or cut off since:
${command(`verify --seal ${hash}`)}${published}`;
}

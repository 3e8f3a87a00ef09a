import type { ControlFinding, ControlMeasure, ControlVerdict, Subject } from '../../controls/control.js';
import { type EvaluatedControl, listedExceptions } from '../../controls/evaluate.js';
import { headlineText, isMet, thresholdText } from '../../controls/headline.js';
import { CONTROLS } from '../../controls/registry.js';
import { countText, durationText, instantText, shareText } from '../../controls/words.js';
import { streamText } from '../../model/ledger.js';
import { referencesText } from '../../policy/frameworks.js';
import type { Rules, Waiver } from '../../policy/policy.js';
import { THRESHOLD_NAMES, THRESHOLDS, type ThresholdName } from '../../policy/thresholds.js';
import { waiverState, waiverSubject } from '../../policy/waivers.js';
import type { Instant } from '../../values/instant.js';
import type { PeriodEvidence } from '../evaluate-period.js';
import { type Html, html, instantMarkup, spanMarkup, tableMarkup, VERDICT_LABELS } from './html.js';
import { distributionTable, measureChart, pointsOf } from './html-charts.js';
import { criteriaOf } from './json.js';

/** The other exceptions of a control are counted. */
const SHOWN_EXCEPTIONS = 200;
/** Of those, on paper; the style sheet hides the others. */
const PRINTED_EXCEPTIONS = 50;

export function controlSection(result: EvaluatedControl, evidence: PeriodEvidence): Html {
  const { control, title, reason, headline } = result;
  return html`<section class="control" id="${control}" aria-labelledby="${control}-title">
<h2 id="${control}-title">${title} ${verdictBadge(result)}</h2>
<p class="headline"><strong>${headline.text}</strong>${headline.next === null ? null : html`. Next step: ${headline.next}`}</p>
<p class="reason">${reason}</p>
<p class="soft"><code>${control}</code> — ${withCode(CONTROLS[control].rule)}</p>
${measureTable(result)}
${chartOf(result, evidence)}
${result.distributions.filter(({ bars }) => bars.some(({ count, before }) => count + (before ?? 0) > 0)).map((each) => html`<div class="scroll">${distributionTable(each)}</div>`)}
${evidenceFor(result)}${ownerOf(result)}${population(result)}
${exceptions(result, evidence)}
${waiverTable(result)}
${noLongerGiven(result, evidence)}
</section>`;
}

/** With a sign and a word, because colour alone is not enough. */
export function verdictBadge({ verdict }: Pick<EvaluatedControl, 'verdict'>): Html {
  return html`<span class="verdict ${verdict}">${VERDICT_LABELS[verdict]}</span>`;
}

/** Names in backquotes become code. */
function withCode(text: string): Html {
  const parts = text.split('`').map((part, i) => (i % 2 === 1 ? html`<code>${part}</code>` : html`${part}`));
  return parts.reduce((all, part) => html`${all}${part}`);
}

function measureTable({ measures, title, verdict }: EvaluatedControl): Html {
  const rows = measures.map(
    (measure) =>
      html`<tr><th scope="row">${measure.name}</th><td class="number" data-name="Measured">${headlineText(measure)}</td><td data-name="Threshold">${thresholdMarkup(measure, verdict)}</td></tr>`,
  );
  const headings = ['Measure', '#Measured', 'Threshold'];
  return html`<h3>Measured</h3>
${tableMarkup('measures', `What was measured for “${title}”`, headings, rows)}`;
}

/** A missed threshold is marked only if it makes the control fail. */
function thresholdMarkup(measure: ControlMeasure, verdict: ControlVerdict): Html {
  const missed =
    verdict === 'FAIL' && isMet(measure) === false ? html` <span class="FAIL">✕ not met</span>` : null;
  return html`${thresholdText(measure)}${missed}`;
}

function chartOf({ control, measures }: EvaluatedControl, evidence: PeriodEvidence): Html | null {
  const chart = measureChart(pointsOf(evidence, control));
  return chart && html`<h3>${measures[0]?.name ?? ''} over the period</h3>${chart}`;
}

function population({ population }: EvaluatedControl): Html {
  const { count, unit, words, query, coverage } = population;
  const held = coverage.complete
    ? html`The history covers the whole period.`
    : html`The period is not covered completely: see <a href="#coverage">coverage</a>.`;
  return html`<h3>Population (${unit}): ${count}</h3>
<p>${words} ${held}</p>
${query === null ? null : html`<p class="soft">In the graph: <code>${query}</code></p>`}`;
}

function evidenceFor({ references, limits }: EvaluatedControl): Html {
  const text = referencesText(references);
  return html`<p class="soft">${text === '' ? null : html`Evidence for ${text}. `}${limits}</p>
`;
}

function ownerOf({ owner }: EvaluatedControl): Html | null {
  return owner === null
    ? null
    : html`<p>Owner: ${owner}</p>
`;
}

function exceptions(result: EvaluatedControl, { period, pin }: Pick<PeriodEvidence, 'period' | 'pin'>): Html {
  const { exceptions: found, outcomes, control } = result;
  const total = listedExceptions(result);
  if (total === 0) return html`<h3>No exceptions</h3>`;
  const waived = outcomes.WAIVED === 0 ? '' : `, and ${outcomes.WAIVED} waived`;
  const rows = found.slice(0, SHOWN_EXCEPTIONS).map(exceptionRow);
  const more = moreOf(total - rows.length, html`All ${total}: ${command({ period, pin }, control, '')}`);
  return html`<h3>${countText(outcomes.EXCEPTION, 'exception')}${waived}</h3>
${tableMarkup('exceptions', 'What counts against the control', ['What', 'When', 'Why'], rows)}${printedMore(total)}${more}`;
}

/** Paper has the first of them only; the files for programs have all. */
function printedMore(total: number): Html | null {
  const rest = total - PRINTED_EXCEPTIONS;
  if (rest <= 0) return null;
  return html`<p class="printed">${rest} more are not printed: the NDJSON of this report has all of them.</p>`;
}

function moreOf(rest: number, where: Html): Html | null {
  return rest > 0 ? html`<p><strong>${rest} more are not shown here.</strong> ${where}</p>` : null;
}

function command(
  { period, pin }: Pick<PeriodEvidence, 'period' | 'pin'>,
  control: string,
  rows: string,
): Html {
  return html`<code>report --period ${period.text} --as-of ${pin.at} --controls ${control}${rows} --format csv</code>, or <code>ndjson</code>.`;
}

function noLongerGiven(
  { noLongerGiven: gone, population, control }: EvaluatedControl,
  evidence: PeriodEvidence,
): Html | null {
  const { count, since } = gone;
  if (count === 0 || since === null) return null;
  const rows = gone.members
    .slice(0, SHOWN_EXCEPTIONS)
    .map(
      ({ noLongerGivenSince: at, ...member }) =>
        html`<tr>${whatCell(member)}<td data-name="Since">${whenMarkup(member.subject, at)}</td></tr>`,
    );
  const more = moreOf(
    count - rows.length,
    html`All are in ${command(evidence, control, ' --rows population')}`,
  );
  const caption = 'Members of the population that Abnormal no longer returns';
  return html`<h3>No longer returned by Abnormal: ${count}</h3>
<p>Abnormal returned these ${population.unit} and stopped, the first of them ${instantMarkup(since)}. They stay in the population as they were last recorded.</p>
${tableMarkup('gone', caption, ['What', 'Since'], rows)}${more}`;
}

function exceptionRow({ subject, label, at, reason, waiver }: ControlFinding): Html {
  const waived =
    waiver &&
    html`<br><strong>WAIVED</strong>: ${waiver.reason} <span class="soft">(${waiverTerms(waiver)})</span>`;
  return html`<tr>${whatCell({ subject, label })}<td data-name="When">${whenMarkup(subject, at)}</td><td data-name="Why">${reason}${waived ?? null}</td></tr>`;
}

function whatCell({ subject, label }: Pick<ControlFinding, 'subject' | 'label'>): Html {
  return html`<td>${label === null ? null : html`${label}<br>`}${subjectMarkup(subject)}</td>`;
}

function whenMarkup(subject: Subject, at: Instant | null): Html {
  if (at === null) return html``;
  return subject.type === 'SPAN' ? spanMarkup(at, subject.to) : instantMarkup(at);
}

function subjectMarkup(subject: Subject): Html {
  if (subject.type === 'SPAN') return html`<code>${streamText(subject.stream)}</code>`;
  if (subject.type === 'INTEGRATION') return html`<code>${subject.integration}</code>`;
  const { key, messageId } = subject;
  const message = messageId === null ? '' : `, message ${messageId}`;
  return html`<code>${key.kind} ${key.id}${message} (${key.integration})</code>`;
}

export function thresholdValue(name: ThresholdName, value: number): string {
  const { type } = THRESHOLDS[name];
  return type === 'share' ? shareText(value) : type === 'duration' ? durationText(value) : String(value);
}

/** What replaces thresholds, and the policy as it was used; nothing if there is none. */
export function policySection({ policy, own, thresholds, overrides }: Rules): Html {
  const replaced = THRESHOLD_NAMES.filter((name) => overrides[name] !== undefined);
  const given =
    replaced.length === 0
      ? null
      : html`<p class="warning"><strong>Not as the ${policy.file ? 'policy' : 'gateway'} has it:</strong> ${replaced.join(', ')} ${replaced.length === 1 ? 'was' : 'were'} given for this report (<code>--threshold</code>).</p>`;
  const rows = Object.entries(own).flatMap(([integration, values]) =>
    THRESHOLD_NAMES.filter((name) => values[name] !== thresholds[name]).map(
      (name) =>
        html`<tr><th scope="row"><code>${integration}</code></th><td data-name="Name"><code>${name}</code></td><td class="number" data-name="Value">${thresholdValue(name, values[name])}</td></tr>`,
    ),
  );
  const headings = ['Account', 'Name', '#Value'];
  const accounts =
    rows.length === 0
      ? null
      : html`<h3>Thresholds of single accounts</h3>
${tableMarkup('own', 'Accounts with thresholds of their own', headings, rows)}`;
  const { file } = policy;
  const text =
    file &&
    html`<h2 id="policy">Policy</h2>
<p>The rules of this report, as the file had them. SHA-256: <code>${file.digest}</code></p>
<pre class="policy">${file.text}</pre>`;
  return html`${given}${accounts}${text}`;
}

function waiverTable({ waivers, title }: EvaluatedControl): Html | null {
  if (waivers.length === 0) return null;
  const rows = waivers.map((use) => {
    const { waiver, problem } = use;
    const state = problem === null ? waiverState(use) : html`<strong>${waiverState(use)}</strong>`;
    return html`<tr><th scope="row">${waiverSubject(waiver)}</th><td data-name="Why">${waiver.reason}<br><span class="soft">${waiverTerms(waiver)}</span></td><td data-name="State">${state}</td></tr>`;
  });
  return html`<h3>${countText(waivers.length, 'waiver')}</h3>
${tableMarkup('waivers', `Waivers of “${title}”`, ['What', 'Why', 'State'], rows)}`;
}

function waiverTerms({ owner, ticket, from, expires }: Waiver): string {
  return `accepted by ${owner}, ${ticket}, from ${instantText(from)} until ${instantText(expires)}`;
}

/** The verdicts by the requirements of the framework that the report is for; nothing without one. */
export function criteriaSection(evidence: PeriodEvidence): Html | null {
  if (evidence.framework === null) return null;
  const { title, source, criteria } = criteriaOf(evidence, evidence.framework);
  const rows = criteria.map(({ criterion, title: what, controls }) => {
    const verdicts = controls.map(
      ({ control, verdict, headline }) =>
        html`<p><a href="#${control}">${control}</a> <span class="verdict ${verdict}">${VERDICT_LABELS[verdict]}</span><br><span class="soft">${headline}</span></p>`,
    );
    return html`<tr><th scope="row">${criterion}</th><td data-name="Requirement">${what}</td><td data-name="Controls">${verdicts}</td></tr>`;
  });
  const headings = ['Criterion', 'Requirement', 'Controls'];
  return html`<h2 id="framework">By requirement: ${title}</h2>
<p>Each control is evidence for a part of a requirement; how far it goes is with the control. Source: ${source}</p>
${tableMarkup('criteria', `Verdicts by the requirements of ${title}`, headings, rows)}`;
}

/** Where the owners and the auditor sign on paper. */
export function signOff({ results }: PeriodEvidence): Html {
  const owners = [...new Set(results.flatMap(({ owner }) => owner ?? []))];
  const rows = [...owners.map((owner) => `Owner: ${owner}`), 'Prepared by', 'Reviewed by'].map(
    (who) =>
      html`<tr><th scope="row">${who}</th><td data-name="Name"></td><td data-name="Date"></td><td data-name="Signature"></td></tr>`,
  );
  return html`<section class="printed"><h2>Sign-off</h2>
${tableMarkup('sign-off', 'Names, dates and signatures', ['Role', 'Name', 'Date', 'Signature'], rows)}</section>`;
}

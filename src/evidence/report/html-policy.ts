import type { EvaluatedControl } from '../../controls/evaluate.js';
import { countText, durationText, instantText, shareText } from '../../controls/words.js';
import type { Rules, Waiver } from '../../policy/policy.js';
import { THRESHOLD_NAMES, THRESHOLDS, type ThresholdName } from '../../policy/thresholds.js';
import { waiverState, waiverSubject } from '../../policy/waivers.js';
import type { PeriodEvidence } from '../evaluate-period.js';
import { type Html, html, tableMarkup, VERDICT_LABELS } from './html.js';
import { criteriaOf } from './json.js';

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

export function waiverTable({ waivers, title }: EvaluatedControl): Html | null {
  if (waivers.length === 0) return null;
  const rows = waivers.map((use) => {
    const { waiver, problem } = use;
    const state = problem === null ? waiverState(use) : html`<strong>${waiverState(use)}</strong>`;
    return html`<tr><th scope="row">${waiverSubject(waiver)}</th><td data-name="Why">${waiver.reason}<br><span class="soft">${waiverTerms(waiver)}</span></td><td data-name="State">${state}</td></tr>`;
  });
  return html`<h3>${countText(waivers.length, 'waiver')}</h3>
${tableMarkup('waivers', `Waivers of “${title}”`, ['What', 'Why', 'State'], rows)}`;
}

export function waiverTerms({ owner, ticket, from, expires }: Waiver): string {
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

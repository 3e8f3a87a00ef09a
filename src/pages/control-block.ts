import { instantText, listText } from '../controls/words.js';
import { type Html, html, instantMarkup, tableMarkup, VERDICT_WORDS } from '../evidence/report/html.js';
import { verdictBadge } from '../evidence/report/html-control.js';
import { agoText } from './collected.js';
import { exceptionsLink, stateLink } from './links.js';
import type { Answer, PlacesAnswer, StatesAnswer, VerdictsAnswer } from './overview-query.js';
import { fieldOf, type OverviewView, orNotice, SPAN_TEXTS, windowOf } from './view.js';

/** The state of each control now, its verdict in the last whole month, and the seal that covers both. */
export function controls(view: OverviewView): Html {
  const { judged, seal, isOperator, now } = view;
  const proof =
    seal === null
      ? html`<p>No seal covers the recorded data yet; the first one follows the first collection.</p>`
      : html`<p>Newest seal: number ${seal.index}, ${instantMarkup(seal.at)} (${agoText(seal.at, now)}), ${seal.kid === null ? 'not signed' : html`signed with <code>${seal.kid}</code>`}. The command <code>verify</code> checks the history against it.</p>`;
  const more = isOperator
    ? html`<p><a href="/reports">All periods and their reports</a></p>`
    : html`<p class="soft">Reports need the role operator. Ask the operator of the gateway.</p>`;
  const early =
    judged.wholeFrom === null
      ? null
      : html`<p class="notice quiet">No whole month was collected yet; the first one ends on ${instantText(judged.wholeFrom)}.${judged.text === null ? null : html` The verdicts of ${judged.text} are those of the days so far.`}</p>`;
  return html`${evaluations(view)}${early}${proof}${more}`;
}

type States = StatesAnswer['posture'];
type State = States['states'][number];
type Place = PlacesAnswer['posture']['states'][number];
type Verdict = NonNullable<VerdictsAnswer['evidence']>['results'][number];

/** What is not evaluated yet, or cannot be, is a notice; the rest of the block does not wait for it. */
function evaluations(view: OverviewView): Html {
  const { evaluated, judged, span } = view;
  const last = `the last ${SPAN_TEXTS[span]}`;
  const states = evaluation(evaluated.states, 'posture', last);
  const places = evaluation(evaluated.places, 'posture', last);
  const verdicts =
    judged.text === null
      ? NOTHING
      : evaluation<VerdictsAnswer, 'evidence'>(evaluated.verdicts, 'evidence', judged.text);
  const [now, then] = [states.value, verdicts.value?.results ?? []];
  const rows = (now?.states ?? then).map(({ control }) => ({
    control,
    state: now?.states.find((each) => each.control.id === control.id),
    place: places.value?.states.find((each) => each.control.id === control.id),
    verdict: then.find((each) => each.control.id === control.id),
  }));
  const headings = [
    'Control',
    ...(now ? [`Last ${SPAN_TEXTS[span]}`, 'Since', 'Decided by'] : []),
    ...(then.length > 0 ? [judged.text ?? ''] : []),
  ];
  const lines = rows.map(
    ({ control, state, place, verdict }) =>
      html`<tr><th scope="row">${control.title}</th>${state && now ? stateCells(view, now, state, place) : null}${verdict ? verdictCell(view, verdict) : null}</tr>`,
  );
  return html`${now ? statesFinding(view, now) : null}${states.notice}${now ? outdated(view, now) : null}${then.length > 0 ? verdictsFinding(judged.text ?? '', then) : null}${verdicts.notice}
${rows.length > 0 ? tableMarkup('states', 'Controls', headings, lines) : null}`;
}

const NOTHING = { value: null, notice: null };

function evaluation<T, F extends keyof T>(answer: Answer<T> | 'PENDING', field: F, time: string) {
  if (answer !== 'PENDING') return orNotice(() => fieldOf(answer, field));
  const notice = html`<p class="notice">The controls are being evaluated for ${time}. <a href="">Load the page again</a> in some seconds.</p>`;
  return { value: null, notice };
}

function statesFinding({ hasIde, span }: OverviewView, { now, states }: States): Html {
  const passed = states.filter(({ verdict }) => verdict === 'PASS').length;
  const link = stateLink(hasIde, passed, { asOf: now, windows: [windowOf(span)] });
  return html`<p class="finding">Last ${SPAN_TEXTS[span]}: ${link} of ${states.length} controls pass${failedText(states, 'fail')}.</p>`;
}

function verdictsFinding(period: string, results: readonly Verdict[]): Html {
  const passed = results.filter(({ verdict }) => verdict === 'PASS').length;
  return html`<p>${period}: ${passed} of ${results.length} controls passed${failedText(results, 'failed')}.</p>`;
}

function failedText(results: readonly (State | Verdict)[], word: string): string {
  const failed = results.filter(({ verdict }) => verdict === 'FAIL').map(({ control }) => control.title);
  return failed.length === 0 ? '' : `; ${listText(failed, 2)} ${word}`;
}

/** While newer recordings are evaluated, and after the time until which the states are valid. */
function outdated({ asOf, now }: OverviewView, posture: States): Html | null {
  const isOver = posture.states.some(({ validUntil }) => validUntil !== null && validUntil < now);
  if (posture.asOf === asOf && !isOver) return null;
  return html`<p class="notice quiet">The states are those of ${instantMarkup(posture.now)}; they are being evaluated again. <a href="">Load the page again</a> in some seconds.</p>`;
}

function stateCells(view: OverviewView, { now }: States, state: State, place: Place | undefined): Html {
  const { verdict, headline, wouldChange, validUntil } = state;
  // an evaluation of earlier recordings that began before the verdict changed
  const own = place?.verdict === verdict ? place : undefined;
  const isUnmet = verdict === 'FAIL' || verdict === 'INSUFFICIENT_DATA';
  const valid = validUntil === null ? 'a poll is overdue' : html`valid until ${instantMarkup(validUntil)}`;
  return html`<td data-name="Last ${SPAN_TEXTS[view.span]}">${verdictBadge({ verdict })}${own?.trend?.direction ? html` <span class="soft">${own.trend.direction.toLowerCase()}</span>` : null}</td><td data-name="Since">${own ? sinceMarkup(own) : html`<span class="soft">being looked up</span>`}<br><span class="soft">${valid}</span></td><td class="free" data-name="Decided by">${headline.text}${exceptions(view, now, state)}${wouldChange === null ? null : html`<br><span class="soft">${isUnmet ? 'Next step' : 'Would change'}: ${wouldChange}</span>`}</td>`;
}

function sinceMarkup({ since }: Place): Html {
  if (since === null) return html`unknown`;
  return since.before === null
    ? html`at least ${instantMarkup(since.at)}`
    : html`${instantMarkup(since.at)} <span class="soft">(before: ${VERDICT_WORDS[since.before]})</span>`;
}

function exceptions({ hasIde, span }: OverviewView, asOf: string, state: State): Html | null {
  const { control, period, exceptions: count, waived } = state;
  const all = count + waived;
  if (all === 0) return null;
  const link = stateLink(hasIde, count, { asOf, windows: [windowOf(span)], controls: [control.id] });
  const list = exceptionsLink(hasIde, all, { asOf, period: period.text, controls: [control.id] });
  return html`<br>${link} ${count === 1 ? 'exception' : 'exceptions'}${waived > 0 ? `, ${waived} waived` : ''} ${list}`;
}

function verdictCell({ judged, isOperator }: OverviewView, { control, verdict, headline }: Verdict): Html {
  const report = isOperator
    ? html` <a class="list" href="/reports/${judged.text}?format=html#${control.id}">report<span class="said"> on ${control.title}</span></a>`
    : null;
  return html`<td class="free" data-name="${judged.text}">${verdictBadge({ verdict })}${report}<br><span class="soft">${headline.text}</span></td>`;
}

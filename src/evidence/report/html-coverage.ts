import type { StreamFacts } from '../../controls/control.js';
import { gapReason, unreadRecords } from '../../controls/missed-polls.js';
import { type Period, partsOf } from '../../controls/period.js';
import { countText, durationText, instantText } from '../../controls/words.js';
import { streamText } from '../../model/ledger.js';
import { DAY, type Instant, toMillis } from '../../values/instant.js';
import { type Html, html, spanMarkup, tableMarkup } from './html.js';
import { percent } from './html-charts.js';

type Span = { readonly from: Instant; readonly to: Instant };

export function coverageStrips(streams: readonly StreamFacts[], period: Period): Html {
  if (streams.length === 0) return html`<p>Nothing was read.</p>`;
  const strips = streams.map(
    (facts) =>
      html`<div class="name">${streamText(facts.stream)}${facts.licensed ? null : html` <span class="soft">(not licensed)</span>`}</div>${coverageStrip(facts, period)}`,
  );
  return html`<div class="strips">${strips}${timeAxis(period)}</div>
<ul class="legend" aria-label="Marks of the coverage">
<li>${key(html`<rect y="4" width="100%" height="8" fill="var(--held)"/>`)}stored</li>
<li>${key(html`<rect width="100%" height="14" fill="var(--fail)"/>`)}hole: should be stored and is not</li>
<li>${key(html`<rect y="4.75" x="1" width="90%" height="6.5" fill="none" stroke="var(--none)" stroke-width="1.5"/>`)}not reached, not licensed or not due yet</li>
<li>${key(html`<rect y="11" width="100%" height="3" fill="var(--doubt)"/>`)}no poll answered (below the strip)</li>
</ul>`;
}

function key(mark: Html): Html {
  return html`<svg aria-hidden="true">${mark}</svg>`;
}

function coverageStrip(
  { stream, licensed, coverage, gaps, missedPolls: silences }: StreamFacts,
  period: Span,
): Html {
  // failures before a refusal lose nothing
  if (!licensed) return emptyStrip(`${streamText(stream)}: not licensed`);
  const held = percent(heldShare(coverage.gaps, period));
  const holes = gaps.filter((gap) => gap.class === 'HOLE' && gap.from < period.to);
  const title = `${streamText(stream)}: ${held} of the period stored, ${countText(holes.length, 'hole')}, ${countText(silences.length, 'span')} without an answered poll`;
  const open = coverage.gaps.map((gap) => {
    const isHole = holes.some(({ from, to }) => gap.from < to && gap.to > from);
    const { x, width } = place(gap, period);
    return isHole
      ? html`<rect x="${x}" width="${width}" y="2" height="18" fill="var(--fail)"/>`
      : html`<rect x="${x}" width="${width}" y="5" height="12" fill="var(--ground)"/><rect x="${x}" width="${width}" y="5.75" height="10.5" fill="none" stroke="var(--none)" stroke-width="1.5"/>`;
  });
  const silent = silences.map((silence) => {
    const { x, width } = place(silence, period);
    return html`<rect x="${x}" width="${width}" y="21" height="4" fill="var(--doubt)"/>`;
  });
  return html`<svg role="img" height="25"><title>${title}</title><rect width="100%" y="5" height="12" fill="var(--held)"/>${open}${silent}</svg>`;
}

function emptyStrip(title: string): Html {
  return html`<svg role="img" height="25"><title>${title}</title><rect width="100%" y="5.75" height="10.5" fill="none" stroke="var(--none)" stroke-width="1.5"/></svg>`;
}

/** Wide enough to be seen. */
function place(span: Span, period: Span): { x: string; width: string } {
  const width = Math.max(0.003, shareAt(span.to, period) - shareAt(span.from, period));
  return { x: percent(Math.min(shareAt(span.from, period), 1 - width)), width: percent(width) };
}

function shareAt(at: Instant, { from, to }: Span): number {
  const [begin, end] = [toMillis(from), toMillis(to)];
  return Math.min(1, Math.max(0, (toMillis(at) - begin) / (end - begin)));
}

function heldShare(gaps: readonly Span[], period: Span): number {
  const open = gaps.reduce((sum, { from, to }) => sum + toMillis(to) - toMillis(from), 0);
  // rounded down, so that only complete streams show 100 %
  return Math.floor((1 - open / (toMillis(period.to) - toMillis(period.from))) * 1e4) / 1e4;
}

/** The ends of the period, and as many months, weeks or days between them as fit. */
function timeAxis(period: Period): Html {
  const marks = ticksOf(period).map((at) => {
    const share = shareAt(at, period);
    const x = percent(share);
    // the labels at the ends need space, also on a phone
    const hasRoom = share > 0.26 && share < 0.86 && instantText(period.from).length === 10;
    const label = hasRoom ? html`<text x="${x}" y="18" text-anchor="middle">${at.slice(5, 10)}</text>` : null;
    return html`<line x1="${x}" x2="${x}" y1="0" y2="5"/>${label}`;
  });
  const end = instantText(period.to).slice(period.from.slice(0, 4) === period.to.slice(0, 4) ? 5 : 0);
  return html`<svg class="time" height="22" aria-hidden="true"><line x1="0" x2="100%" y1="0" y2="0"/><line x1="0" x2="0" y1="0" y2="5"/><line x1="100%" x2="100%" y1="0" y2="5"/>${marks}<text x="0" y="18">${instantText(period.from)}</text><text x="100%" y="18" text-anchor="end">${end}</text></svg>`;
}

const MOST_TICKS = 7;

function ticksOf(period: Period): Instant[] {
  const days = (toMillis(period.to) - toMillis(period.from)) / DAY;
  if (days <= 1 || days > 3000) return [];
  const starts = partsOf(period, days > 62 ? 'MONTH' : days > 10 ? 'WEEK' : 'DAY')
    .slice(1)
    .map(({ from }) => from);
  const step = Math.ceil(starts.length / MOST_TICKS);
  return starts.filter((_, i) => (i + 1) % step === 0);
}

const SHOWN_GAPS = 100;

const CLASS_WORDS = { HOLE: 'Hole', UNREACHED: 'Not reached', NOT_DUE: 'Not due yet' } as const;

export function gapTable(streams: readonly StreamFacts[], period: Span): Html {
  const gaps = streams.flatMap((facts) =>
    gapsOf(facts, period).map((gap) => ({ ...gap, stream: facts.stream })),
  );
  if (streams.length === 0) return html``;
  const unread = unreadTable(streams);
  if (gaps.length === 0) return html`<p>No gaps.</p>${unread}`;
  const rows = gaps.slice(0, SHOWN_GAPS).map(({ stream, from, to, why, detail }) => {
    const more = detail === null ? null : html`<br><span class="soft">${detail}</span>`;
    const length = durationText(toMillis(to) - toMillis(from));
    return html`<tr><th scope="row"><code>${streamText(stream)}</code></th><td data-name="When">${spanMarkup(from, to)}</td><td class="number" data-name="Length">${length}</td><td data-name="Why">${why}${more}</td></tr>`;
  });
  const headings = ['Stream', 'When', '#Length', 'Why'];
  return html`<h3>What is not stored</h3>
${tableMarkup('gaps', 'Gaps in the period', headings, rows)}${moreOf(gaps.length - rows.length)}${unread}`;
}

function unreadTable(streams: readonly StreamFacts[]): Html | null {
  const records = unreadRecords(streams.filter(({ licensed }) => licensed));
  if (records.length === 0) return null;
  const rows = records.slice(0, SHOWN_GAPS).map(({ key, reason, isGone }) => {
    const what = isGone ? 'Disappeared before it could be read' : 'Listed and could not be read';
    return html`<tr><th scope="row"><code>${key.integration}</code></th><td data-name="What">${key.kind}</td><td data-name="Id"><code>${key.id}</code></td><td data-name="Why"><strong>${what}</strong><br><span class="soft">${reason}</span></td></tr>`;
  });
  const headings = ['Account', 'What', 'Id', 'Why'];
  return html`<h3>Listed records that could not be read</h3>
${tableMarkup('gaps', 'Missing records of the period', headings, rows)}${moreOf(records.length - rows.length)}`;
}

function moreOf(rest: number): Html | null {
  return rest > 0 ? html`<p>${rest} more are not shown here; the JSON report has all of them.</p>` : null;
}

interface ShownGap extends Span {
  readonly why: Html;
  readonly detail: string | null;
}

/** One gap with the reason if the account has no licence. */
function gapsOf({ licensed, refusal, gaps }: StreamFacts, { from, to }: Span): ShownGap[] {
  if (!licensed) return [{ from, to, why: html`<strong>Not licensed</strong>`, detail: refusal }];
  const own = gaps.filter((gap) => gap.from < to);
  return own.map((gap) => ({
    ...{ from: gap.from, to: gap.to, detail: gap.detail },
    why: html`<strong>${CLASS_WORDS[gap.class]}</strong>, ${gapReason({ ...gap, detail: null })}`,
  }));
}

import type { ControlDistribution, ControlMeasure, ControlVerdict } from '../../controls/control.js';
import { measureText } from '../../controls/headline.js';
import type { ControlId } from '../../policy/policy.js';
import type { PeriodEvidence, PeriodTrendPoint } from '../evaluate-period.js';
import { type Html, html, VERDICT_WORDS } from './html.js';

// Inline SVG without a view box: lengths are per cent of the available width, so charts are sharp on a phone
// and in print, and their text is text of the page.

export function percent(share: number): string {
  return `${Math.round(share * 1e4) / 100}%`;
}

/** Oldest first. */
export function pointsOf(
  evidence: PeriodEvidence,
  control: ControlId,
): { text: string; point: PeriodTrendPoint }[] {
  return evidence.trend.flatMap(({ period, points }) => {
    const point = points.find((each) => each.control === control);
    return point ? [{ text: period.text, point }] : [];
  });
}

/** Verdicts differ in height and fill, not only in colour. */
export function verdictStrip(title: string, points: ReturnType<typeof pointsOf>): Html {
  const counts = (Object.keys(VERDICT_WORDS) as ControlVerdict[])
    .map((verdict) => ({ verdict, count: points.filter(({ point }) => point.verdict === verdict).length }))
    .filter(({ count }) => count > 0)
    .map(({ verdict, count }) => `${count} ${VERDICT_WORDS[verdict]}`);
  return html`<svg role="img" height="22"><title>${title}: ${counts.join(', ')}</title>${points.map(
    ({ point }, i) => verdictMark(point.verdict, i / points.length, 0.8 / points.length),
  )}</svg>`;
}

const MARK_HEIGHT: Record<ControlVerdict, number> = {
  PASS: 12,
  FAIL: 22,
  INSUFFICIENT_DATA: 12,
  NOT_APPLICABLE: 2,
};

/** At a share of the strip's width. */
export function verdictMark(verdict: ControlVerdict, at: number, width: number): Html {
  const height = MARK_HEIGHT[verdict];
  const hollow = verdict === 'INSUFFICIENT_DATA';
  const paint = hollow
    ? html`fill="none" stroke="currentColor" stroke-width="1.5"`
    : html`fill="currentColor"`;
  const [top, size] = hollow ? [22 - height + 0.75, height - 1.5] : [22 - height, height];
  return html`<rect class="${verdict}" x="${percent(at)}" y="${top}" width="${percent(width)}" height="${size}" ${paint}/>`;
}

const CHART_HEIGHT = 120;

interface MeasuredPoint {
  readonly text: string;
  readonly point: Pick<PeriodTrendPoint, 'measure'>;
}

export function measureChart(points: readonly MeasuredPoint[]): Html | null {
  const known = points.flatMap(({ point }) => (point.measure?.value != null ? [point.measure] : []));
  const [first] = known;
  if (!first || known.length < 2) return null;
  const { name, unit } = first;
  const { bottom, top } = scaleOf(known, first);
  const y = (value: number) => Math.round(CHART_HEIGHT * (1 - (value - bottom) / (top - bottom)) * 10) / 10;
  const values = points.map(({ point }) => point.measure?.value ?? null);
  const marks = unit === 'share' ? dots(values, y) : bars(values, y);
  const threshold = first.threshold?.value ?? null;
  // on the axis itself it would not be visible
  const isShown = threshold !== null && threshold <= top && y(threshold) < CHART_HEIGHT - 3;
  const line = isShown
    ? html`<line x1="0" x2="100%" y1="${y(threshold)}" y2="${y(threshold)}" stroke="var(--ink)" stroke-width="1.5" stroke-dasharray="5 3"/>`
    : null;
  const ends = [points[0]?.text ?? '', points.at(-1)?.text ?? ''];
  const numbers = known.map(({ value }) => value ?? 0);
  const range = `${measureText(unit, Math.min(...numbers))} to ${measureText(unit, Math.max(...numbers))}`;
  const held = isShown ? `; the dashed line is the threshold, ${measureText(unit, threshold)}` : '';
  return html`<div class="chart">
<div class="scale" aria-hidden="true"><span>${measureText(unit, top)}</span><span>${measureText(unit, bottom)}</span></div>
<svg role="img" height="${CHART_HEIGHT}"><title>${name} from ${ends[0] ?? ''} to ${ends[1] ?? ''}: ${range}${held}</title>
<line x1="0" x2="100%" y1="${CHART_HEIGHT}" y2="${CHART_HEIGHT}" stroke="var(--soft)"/>${marks}${line}</svg>
${axis(ends)}
</div>`;
}

type Scale = (value: number) => number;

function bars(values: readonly (number | null)[], y: Scale): Html[] {
  return values.map((value, i) => {
    if (value === null) return html``;
    const height = Math.max(1, CHART_HEIGHT - y(value));
    return html`<rect x="${percent(i / values.length)}" y="${CHART_HEIGHT - height}" width="${percent(0.8 / values.length)}" height="${height}" fill="var(--held)"/>`;
  });
}

/** A scale of shares need not begin at 0. */
function dots(values: readonly (number | null)[], y: Scale): Html[] {
  const x = (i: number) => percent((i + 0.4) / values.length);
  return values.map((value, i) => {
    if (value === null) return html``;
    const next = values[i + 1] ?? null;
    const segment =
      next === null
        ? null
        : html`<line x1="${x(i)}" x2="${x(i + 1)}" y1="${y(value)}" y2="${y(next)}" stroke="var(--held)" stroke-width="2"/>`;
    return html`${segment}<circle cx="${x(i)}" cy="${y(value)}" r="${values.length > 40 ? 2 : 4}" fill="var(--held)"/>`;
  });
}

function scaleOf(
  measures: readonly ControlMeasure[],
  { unit, threshold }: ControlMeasure,
): { bottom: number; top: number } {
  const values = measures.map(({ value }) => value ?? 0);
  if (unit === 'share') {
    const least = Math.min(...values, threshold?.value ?? 1);
    return { bottom: least >= 0.9 ? 0.9 : least >= 0.5 ? 0.5 : 0, top: 1 };
  }
  const most = Math.max(...values, 1);
  // a threshold far above all values would flatten them
  const isNear = threshold !== null && threshold.value <= 3 * most;
  return { bottom: 0, top: isNear ? Math.max(most, threshold.value) : most };
}

function axis(labels: readonly string[]): Html {
  return html`<div class="axis" aria-hidden="true">${labels.map((label) => html`<span>${label}</span>`)}</div>`;
}

/** A table with bars next to its numbers, and with the previous period if it is compared. */
export function distributionTable({ title, bars }: ControlDistribution): Html {
  const most = Math.max(1, ...bars.flatMap(({ count, before }) => [count, before ?? 0]));
  const hasBefore = bars.some(({ before }) => before !== null);
  const rows = bars.map(({ label, count, before }) => {
    const earlier =
      before === null
        ? null
        : html`<rect y="12" width="${percent(before / most)}" height="5" fill="var(--soft)"/>`;
    return html`<tr><th scope="row">${label}</th><td class="bar"><svg aria-hidden="true" height="${hasBefore ? 17 : 11}"><rect width="${percent(count / most)}" height="11" fill="var(--held)"/>${earlier}</svg></td><td class="number">${count}</td>${hasBefore ? html`<td class="number soft">${before}</td>` : null}</tr>`;
  });
  return html`<table class="bars"><caption>${title}${hasBefore ? ' (narrow bar and second number: the previous period)' : ''}</caption>
<tbody>${rows}</tbody></table>`;
}

export interface StripBucket {
  readonly count: number;
  /** Not collected completely, so that the count is a lower bound and 0 means nothing. */
  readonly isUnknown: boolean;
}

/** Columns over time, on a scale that other strips share. What is unknown is hatched and outlined to its full height. */
export function bucketStrip(title: string, buckets: readonly StripBucket[], most: number, height = 40): Html {
  const width = percent(0.86 / buckets.length);
  const columns = buckets.map(({ count, isUnknown }, i) => {
    const x = percent(i / buckets.length);
    const size = count === 0 ? 0 : Math.max(2, Math.round((count / Math.max(1, most)) * height));
    const unknown = isUnknown
      ? html`<rect class="unknown" x="${x}" y="0.5" width="${width}" height="${height - 1}" fill="url(#unknown)" stroke="var(--soft)"/>`
      : null;
    return html`${unknown}<rect x="${x}" y="${height - size}" width="${width}" height="${size}" fill="var(--held)"/>`;
  });
  return html`<svg role="img" height="${height}"><title>${title}</title>${columns}<line x1="0" x2="100%" y1="${height}" y2="${height}" stroke="var(--soft)"/></svg>`;
}

/** The pattern of `bucketStrip`, once a page. */
export const HATCHING = html`<svg aria-hidden="true" width="0" height="0" class="said"><defs><pattern id="unknown" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><line x1="0" x2="0" y1="0" y2="6" stroke="var(--soft)" stroke-width="2"/></pattern></defs></svg>`;

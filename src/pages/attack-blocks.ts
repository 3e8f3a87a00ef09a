import { countText, durationText, instantText } from '../controls/words.js';
import { type Html, html, instantMarkup, tableMarkup } from '../evidence/report/html.js';
import { bucketStrip, measureChart, type StripBucket } from '../evidence/report/html-charts.js';
import { type Instant, toMillis, type Window } from '../values/instant.js';
import { type Collected, isComplete, readUpTo } from './collected.js';
import type { BucketAnswer, OverviewAnswer } from './overview-query.js';
import {
  answerOf,
  EMPTY,
  emptyText,
  leastText,
  linked,
  type OverviewView,
  SPAN_TEXTS,
  sumOf,
  uncounted,
  valueText,
} from './view.js';

export function attacks(view: OverviewView): Html {
  const [now, before] = [answerOf(view, 'attacks'), answerOf(view, 'attacksBefore')];
  const { window, span } = view;
  const stored = view.collected.THREATS;
  if (now.total.count === 0) return emptyText(view, 'THREATS', window, 'There was no attack in this time');
  const set = { noun: 'MESSAGE' as const, window, groupBy: ['ATTACK_TYPE'] };
  const earlier = { from: shiftedBack(window), to: window.from };
  // a difference between incomplete numbers means nothing
  const isComparable = isComplete(stored, window) && isComplete(stored, earlier);
  const most = Math.max(...now.groups.flatMap(({ buckets }) => buckets.map(({ count }) => count)));
  const types = now.groups.map(({ keys, count, buckets }) => {
    const value = keys[0]?.value ?? null;
    const own = sumOf(before.groups, [{ dimension: 'ATTACK_TYPE', value }]);
    const marks = buckets.map((bucket, i) => ({
      ...bucket,
      isUnknown: isUnknown(now.total.buckets[i], stored),
    }));
    const text = valueText(value);
    return html`<div class="name">${text}: ${linked(view, count, set, keys)}${isComparable ? html` <span class="soft">${differenceText(count, own)}</span>` : null}</div>${bucketStrip(`${text}: ${count} messages`, marks, most)}`;
  });
  const total = now.total.buckets.map((bucket) => ({ ...bucket, isUnknown: isUnknown(bucket, stored) }));
  const peak = Math.max(...total.map(({ count }) => count));
  const caption = html`${leastText(view, 'THREATS', window, now)}${linked(view, now.total.count, set)} messages of attacks${isComparable ? html`, ${differenceText(now.total.count, before.total.count)} in the ${SPAN_TEXTS[span]} before` : html`; there is no comparison, because not everything of both times was read`}.`;
  return html`<figure><figcaption class="finding">${caption}</figcaption>
<div class="strips">
<div class="name"><strong>All</strong> <span class="soft">at most ${peak} ${BUCKET_TEXTS[span]}</span></div>${bucketStrip(`All messages: ${now.total.count}, at most ${peak} ${BUCKET_TEXTS[span]}`, total, peak, 64)}
<div class="name soft">Types, at most ${most} ${BUCKET_TEXTS[span]}</div>${axisOf(now.total.buckets)}
${types}
</div></figure>
${now.rest === null ? null : html`<p class="soft">${now.rest.count} more messages are of ${countText(now.rest.values, 'other type')}.</p>`}${unknownKey(total)}${uncounted(now)}
${details('attacks', attackTable(now))}`;
}

function attackTable(now: OverviewAnswer['attacks']): Html {
  const names = now.groups.map(({ keys }) => valueText(keys[0]?.value ?? null));
  const rows = now.total.buckets.map(
    (bucket, i) =>
      html`<tr>${bucketHeading(bucket)}<td class="number" data-name="All">${bucket.count}</td>${now.groups.map(({ buckets }, n) => html`<td class="number" data-name="${names[n] ?? ''}">${buckets[i]?.count ?? 0}</td>`)}<td data-name="Read">${gapText(bucket)}</td></tr>`,
  );
  return tableMarkup(
    'buckets',
    'Messages by time and type',
    ['From', '#All', ...names.map((name) => `#${name}`), 'Read'],
    rows,
  );
}

export function remediation(view: OverviewView): Html {
  const found = answerOf(view, 'remediation');
  const { duration, buckets } = found.total;
  const { window } = view;
  if (found.total.count === 0) return emptyText(view, 'THREATS', window, 'There was no attack in this time');
  if (duration.count === 0)
    return EMPTY(
      `No message of this time was remediated; ${duration.pending} are pending, and ${duration.unknown} have no time.`,
    );
  const limits = answerOf(view, 'controls').flatMap(({ thresholds }) => thresholds);
  const limitOf = (name: string) => limits.find((each) => each.name === name)?.value ?? null;
  const [median, p95] = [limitOf('remediationMedian'), limitOf('remediationP95')];
  const points = buckets.map(({ from, duration: { median: value } }) => ({
    text: instantText(from),
    point: {
      measure: {
        ...{ name: 'Median time to remediate', unit: 'ms' as const },
        value: value === null ? null : value * 1000,
        threshold: median === null ? null : { value: median * 1000, bound: 'AT_MOST' as const },
      },
    },
  }));
  const rows = buckets.map(
    (bucket) =>
      html`<tr>${bucketHeading(bucket)}<td class="number" data-name="Messages">${bucket.count}</td><td class="number" data-name="Median">${secondsText(bucket.duration.median)}</td><td data-name="Read">${gapText(bucket)}</td></tr>`,
  );
  const set = { noun: 'MESSAGE' as const, window };
  return html`<figure><figcaption class="finding">Half of ${countText(duration.count, 'remediated message')} took ${againstText(duration.median, median)}, and 95 % of them ${againstText(duration.p95, p95)}.</figcaption>
${measureChart(points)}</figure>
<p>${linked(view, found.total.count, set)} messages were received: ${duration.count} were remediated, ${duration.pending} are pending, and ${duration.unknown} have no time of remediation. The longest took ${secondsText(duration.max)}. Limits: control <code>attacks-remediated</code>.</p>${uncounted(found)}
${details('times', tableMarkup('buckets', 'Median time by when messages were received', ['From', '#Messages', '#Median', 'Read'], rows))}`;
}

const BUCKET_TEXTS = { '24h': 'an hour', '7d': 'a day', '30d': 'a day', '90d': 'a week' } as const;

function shiftedBack({ from, to }: Window): Instant {
  return new Date(2 * toMillis(from) - toMillis(to)).toISOString();
}

function differenceText(count: number, before: number): string {
  if (count === before) return `as many as ${before}`;
  return `${Math.abs(count - before)} ${count > before ? 'more' : 'fewer'} than ${before}`;
}

/** A span that is complete up to where it was read is still arriving: that is no gap. */
function isUnknown(bucket: BucketAnswer | undefined, stored: Collected): boolean {
  if (!bucket?.gapReasons.some((reason) => reason !== 'PROVISIONAL')) return false;
  const upTo = readUpTo(stored);
  if (upTo === null || upTo <= bucket.from || upTo >= bucket.to) return true;
  return stored.accounts.some(({ holes }) => holes.some(({ from, to }) => from < upTo && to > bucket.from));
}

function gapText({ gapReasons, partial }: BucketAnswer): string {
  const reasons = gapReasons.map((reason) =>
    reason === 'PROVISIONAL' ? 'still arriving' : reason.toLowerCase().replaceAll('_', ' '),
  );
  return [...(reasons.length === 0 ? ['complete'] : reasons), ...(partial ? ['cut by the window'] : [])].join(
    ', ',
  );
}

function bucketHeading({ from }: BucketAnswer): Html {
  return html`<th scope="row">${instantMarkup(from)}</th>`;
}

function unknownKey(buckets: readonly StripBucket[]): Html | null {
  return buckets.some(({ isUnknown: unknown }) => unknown)
    ? html`<p class="soft">Hatched: not collected completely, so a column is the least number, and no column does not mean that nothing happened.</p>`
    : null;
}

function axisOf(buckets: readonly BucketAnswer[]): Html {
  const [first, last] = [buckets[0], buckets.at(-1)];
  return html`<div class="axis" aria-hidden="true"><span>${first ? shortText(first.from) : ''}</span><span>${last ? shortText(last.to) : ''}</span></div>`;
}

/** `11-29 23:08`: there is little room below a chart. */
function shortText(at: Instant): string {
  return at.slice(5, 16).replace('T', ' ');
}

function details(id: string, table: Html): Html {
  return html`<details id="${id}-data"><summary>The numbers as a table</summary><div class="scroll" tabindex="0" role="region" aria-label="Numbers">${table}</div></details>`;
}

function secondsText(seconds: number | null): string {
  return seconds === null ? '–' : durationText(seconds * 1000);
}

function againstText(seconds: number | null, limit: number | null): string {
  const most =
    limit === null ? '' : ` (at most ${secondsText(limit)}: ${(seconds ?? 0) <= limit ? 'met' : 'not met'})`;
  return `up to ${secondsText(seconds)}${most}`;
}

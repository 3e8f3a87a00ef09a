import { DAY, HOUR, type Instant, MINUTE } from '../values/instant.js';

/*
 * Numbers and instants as a reason says them. Nothing is rounded to the better: a share that is not whole
 * never reads 100 %.
 */

const UNITS: readonly (readonly [string, number])[] = [
  ['d', DAY],
  ['h', HOUR],
  ['min', MINUTE],
  ['s', 1000],
];

/** `3 h 20 min`: the two largest units that there are, cut. */
export function durationText(ms: number): string {
  if (ms < 1000) return ms === 0 ? '0 s' : `${ms} ms`;
  let rest = ms;
  const parts = UNITS.flatMap(([unit, size]) => {
    const count = Math.floor(rest / size);
    rest -= count * size;
    return count > 0 ? [`${count} ${unit}`] : [];
  });
  return parts.slice(0, 2).join(' ');
}

/** `99.87 %`, cut to two decimals. */
export function shareText(share: number): string {
  // one part in a billion, so that 0.29 does not come out as 28.99 %
  return `${Math.floor(share * 10_000 + 1e-9) / 100} %`;
}

/** `2026-09-14 08:15:30 UTC`, cut to the second; midnight is the day alone. */
export function instantText(at: Instant): string {
  if (at.endsWith('T00:00:00.000Z')) return at.slice(0, 10);
  return `${at.slice(0, 10)} ${at.slice(11, at.slice(17, 19) === '00' ? 16 : 19)} UTC`;
}

/** `1 case`, `2 cases`; another plural where it is irregular. */
export function countText(count: number, noun: string, plural = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : plural}`;
}

/** `a`, `a and b`, `a, b and c`; with more than `most`, the rest as a number. */
export function listText(items: readonly string[], most = 3): string {
  if (items.length > most) return `${items.slice(0, most).join(', ')} and ${items.length - most} more`;
  return items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;
}

/** The beginning of what an upstream said, for a sentence: up to its first full stop, parenthesis or quotation. */
export function brieflyText(message: string): string {
  const [first = ''] = message.split(/\. | \(|, saying: /, 1);
  return first.replace(/\.$/, '');
}

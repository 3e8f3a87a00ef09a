import { DAY, HOUR, type Instant, MINUTE } from '../values/instant.js';

/* Numbers and instants for texts. Never rounded up: an incomplete share is never 100 %. */

const UNITS: readonly (readonly [string, number])[] = [
  ['d', DAY],
  ['h', HOUR],
  ['min', MINUTE],
  ['s', 1000],
];

/** `3 h 20 min`: the largest units, cut. */
export function durationText(ms: number, units = 2): string {
  if (ms < 1000) return ms === 0 ? '0 s' : `${ms} ms`;
  let rest = ms;
  const parts = UNITS.flatMap(([unit, size]) => {
    const count = Math.floor(rest / size);
    rest -= count * size;
    return count > 0 ? [`${count} ${unit}`] : [];
  });
  if (rest > 0) parts.push(`${rest} ms`);
  return parts.slice(0, units).join(' ');
}

/** `99.87 %`, cut to two decimals. */
export function shareText(share: number): string {
  // a tolerance of one in a billion, so that 0.29 is not shown as 28.99 %
  return `${Math.floor(share * 10_000 + 1e-9) / 100} %`;
}

/** `2026-09-14 08:15:30 UTC`, cut to the second; midnight is only the day. */
export function instantText(at: Instant): string {
  if (at.endsWith('T00:00:00.000Z')) return at.slice(0, 10);
  return `${at.slice(0, 10)} ${at.slice(11, at.slice(17, 19) === '00' ? 16 : 19)} UTC`;
}

/** `1 case`, `2 cases`, with an optional irregular plural. */
export function countText(count: number, noun: string, plural = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : plural}`;
}

/** `a`, `a and b`, `a, b and c`; beyond `most` the rest is a number. */
export function listText(items: readonly string[], most = 3): string {
  if (items.length > most) return `${items.slice(0, most).join(', ')} and ${items.length - most} more`;
  return items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;
}

/** An upstream message up to its first full stop, parenthesis or quotation. */
export function brieflyText(message: string): string {
  const [first = ''] = message.split(/\. | \(|, saying: /, 1);
  return first.replace(/\.$/, '');
}

import { MINUTE } from '../values/instant.js';
import type { Random } from './random.js';

/** Nothing is visible later than this after it happened. */
export const MAX_LAG = 14 * MINUTE;

/** How long a happening takes to become visible: under a minute or so, or for a share 3 to 14 minutes. */
export function lag(random: Random, lateShare: number): number {
  return random.chance(lateShare) ? random.between(3 * MINUTE, MAX_LAG) : random.between(2_000, 70_000);
}

/** `2026-03-01T08:15:00Z`, cut to the second. */
export function zulu(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/** The same with a fraction of 1 to 9 digits, trailing zeros dropped; `finer` is what follows the milliseconds. */
export function zuluFraction(ms: number, finer: string): string {
  const fraction = `${new Date(ms).toISOString().slice(20, 23)}${finer}`.replace(/0+$/, '');
  return fraction === '' ? zulu(ms) : `${new Date(ms).toISOString().slice(0, 19)}.${fraction}Z`;
}

/** `2026-03-01T08:15:00.123456+00:00`, without a fraction when that is nought. */
export function offsetUtc(ms: number, micros: number): string {
  const iso = new Date(ms).toISOString();
  const fraction = `${iso.slice(20, 23)}${String(micros).padStart(3, '0')}`;
  return `${iso.slice(0, 19)}${fraction === '000000' ? '' : `.${fraction}`}+00:00`;
}

/** The same instant by a clock eight hours behind UTC: `2026-03-01T00:15:00-08:00`. */
export function pacific(ms: number): string {
  return `${new Date(ms - 480 * MINUTE).toISOString().slice(0, 19)}-08:00`;
}

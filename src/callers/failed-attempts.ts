import { isIPv6 } from 'node:net';
import { BoundedCache } from '../values/bounded-cache.js';

/** How many wrong credentials an address may show within the window before it has to wait. */
export const MOST_FAILURES = 10;
export const FAILURE_WINDOW_MS = 60_000;
const FAILURES_BYTES = 50;

interface Failures {
  count: number;
  since: number;
}

/**
 * Counts wrong credentials by address, those of one IPv6 network as one, since whoever has one address of it has
 * them all. Bounded: where very many addresses fail, those that were quiet longest are forgotten.
 */
export class FailedAttempts {
  readonly #failures = new BoundedCache<Failures>('failedAttempts', () => FAILURES_BYTES);

  constructor(private readonly clock: () => number) {}

  /** How long an address has to wait, in milliseconds; 0 where it need not. */
  waitFor(address: string): number {
    const failures = this.#failures.get(networkOf(address));
    if (!failures || failures.count < MOST_FAILURES) return 0;
    const left = failures.since + FAILURE_WINDOW_MS - this.clock();
    // a clock that was set back must not make anybody wait longer
    return left > FAILURE_WINDOW_MS ? 0 : Math.max(0, left);
  }

  note(address: string): void {
    const network = networkOf(address);
    const now = this.clock();
    const failures = this.#failures.get(network);
    const age = failures ? now - failures.since : Number.NaN;
    if (failures && age >= 0 && age < FAILURE_WINDOW_MS) failures.count += 1;
    else this.#failures.set(network, { count: 1, since: now });
  }
}

/** What counts as one address: an IPv4 address, or the first 64 bits of an IPv6 one. */
export function networkOf(address: string): string {
  const [, mapped] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address) ?? [];
  if (mapped !== undefined) return mapped;
  if (!isIPv6(address)) return address;
  const [head = '', tail] = address.split('%', 1)[0]?.split('::') ?? [];
  const groups = head.split(':').filter((group) => group !== '');
  const rest = tail === undefined ? [] : tail.split(':').filter((group) => group !== '');
  const zeros = Array.from({ length: Math.max(0, 8 - groups.length - rest.length) }, () => '0');
  const whole = [...groups, ...(tail === undefined ? [] : zeros), ...rest];
  return `${whole
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}

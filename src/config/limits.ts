import { REDACTION_GROUPS, type RedactionGroup } from '../values/redaction.js';
import {
  type CostLimits,
  DEFAULT_COST_LIMITS,
  DEFAULT_QUERY_LIMITS,
  type QueryLimits,
} from '../values/request-limits.js';
import { quote, type Reader } from './reader.js';
import type { Variable } from './variables.js';

/** What callers may ask of the gateway. */
export interface LimitsConfig {
  /** Requests a minute by one caller; 0 for no limit. */
  readonly ratePerMinute: number;
  /** How long a request may take, in milliseconds. */
  readonly requestTimeout: number;
  readonly query: QueryLimits;
  readonly cost: CostLimits;
  /** A file that lists the operations that readers may run; `null`: any. */
  readonly persistedOperations: string | null;
  /** What readers see masked. */
  readonly redact: ReadonlySet<RedactionGroup>;
}

const HOUR_MS = 3_600_000;
const MOST = 1_000_000_000;

export function readLimits(read: Reader): LimitsConfig {
  const isUnlimited = read.text('RATE_LIMIT')?.toLowerCase() === 'off';
  return {
    ratePerMinute: isUnlimited ? 0 : read.number('RATE_LIMIT', 3_000, 1, 10_000_000),
    requestTimeout: read.duration('REQUEST_TIMEOUT', 30_000, 100, HOUR_MS),
    query: numbers(read, 'QUERY_LIMITS', { ...DEFAULT_QUERY_LIMITS }),
    cost: numbers(read, 'COST_LIMITS', { ...DEFAULT_COST_LIMITS }),
    persistedOperations: read.text('PERSISTED_OPERATIONS'),
    redact: redaction(read),
  };
}

/** Numbers by name, `depth=20,aliases=100`; those that are not named keep their defaults. */
function numbers<T extends Record<string, number>>(read: Reader, name: Variable, defaults: T): T {
  const names = Object.keys(defaults);
  const given: Record<string, number> = {};
  for (const part of partsOf(read.text(name))) {
    const [, key = '', digits = ''] = /^(\w+)\s*=\s*(\d{1,9})$/.exec(part) ?? [];
    if (names.includes(key) && Number(digits) > 0 && Number(digits) < MOST) given[key] = Number(digits);
    else refuseNumber(read, name, part, defaults);
  }
  return { ...defaults, ...given };
}

function refuseNumber(read: Reader, name: Variable, part: string, defaults: Record<string, number>): void {
  const [first = ''] = Object.entries(defaults).map((entry) => entry.join('='));
  const right = `numbers by name, with commas between; the names are ${Object.keys(defaults).join(', ')}`;
  read.refuse(name, `has ${quote(part)}`, right, first);
}

function redaction(read: Reader): Set<RedactionGroup> {
  const groups = Object.keys(REDACTION_GROUPS) as RedactionGroup[];
  const parts = partsOf(read.text('REDACT')).map((part) => part.toLowerCase());
  if (parts.includes('all')) return new Set(groups);
  return new Set(
    parts.flatMap((part) => {
      const group = groups.find((known) => known === part);
      if (group) return [group];
      const right = `all, or some of ${groups.join(', ')}, with commas between`;
      read.refuse('REDACT', `has ${quote(part)}`, right, 'subject,addresses,names');
      return [];
    }),
  );
}

function partsOf(text: string | null): string[] {
  return (text ?? '')
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

import { ConfigError } from '../config/config-error.js';
import { parseDuration, parseInstant } from '../config/duration.js';
import type { Control } from '../controls/control.js';
import {
  PERIOD_FORMS,
  type Period,
  PeriodError,
  parsePeriod,
  partsOf,
  TRENDS,
  type Trend,
} from '../controls/period.js';
import { controlsOf } from '../controls/registry.js';
import {
  rangeOf,
  THRESHOLD_NAMES,
  THRESHOLDS,
  type Thresholds,
  toThresholds,
} from '../controls/thresholds.js';
import { CSV_ROWS, type CsvRows } from '../evidence/report-csv.js';
import { DAY, type Instant, toMillis } from '../model/instant.js';

export const FORMATS = ['text', 'html', 'json', 'csv'] as const;
export type Format = (typeof FORMATS)[number];

/** The options as the command line has them. */
export interface RawReportOptions {
  readonly period?: string;
  readonly controls?: readonly string[];
  readonly integration?: readonly string[];
  readonly asOf?: string;
  readonly format?: string;
  readonly out?: string;
  readonly trend?: string;
  readonly rows?: string;
  readonly threshold?: readonly string[];
  readonly quiet?: boolean;
}

/** The options, read. */
export interface ReportOptions {
  readonly period: Period;
  readonly controls: readonly Control[];
  readonly integrations: readonly string[] | null;
  readonly asOf: Instant | null;
  readonly format: Format;
  readonly out: string | null;
  readonly trend: Trend | null;
  readonly rows: CsvRows;
  readonly thresholds: Partial<Thresholds>;
  readonly quiet: boolean;
}

/** Reads the options; throws a `ConfigError` that says what is wrong with which, and what is right. */
export function readReportOptions(raw: RawReportOptions): ReportOptions {
  if (raw.period === undefined) throw new ConfigError(`Say which period: --period ${PERIOD_FORMS}.`);
  const period = read('--period', () => parsePeriod(raw.period ?? ''));
  const ids = raw.controls?.flatMap((text) => text.split(',')).map((id) => id.trim());
  const out = raw.out ?? null;
  const trend = trendOf(raw.trend, period);
  if (trend !== null) read('--trend', () => partsOf(period, trend));
  return {
    ...{ period, out, trend },
    controls: read('--controls', () => controlsOf(ids ?? null)),
    integrations: raw.integration ? [...new Set(raw.integration)].sort() : null,
    asOf: raw.asOf === undefined ? null : instantOf(raw.asOf),
    format: raw.format === undefined ? formatOf(out) : oneOf('--format', raw.format, FORMATS),
    rows: raw.rows === undefined ? 'exceptions' : oneOf('--rows', raw.rows, CSV_ROWS),
    thresholds: thresholdsOf(raw.threshold ?? []),
    quiet: raw.quiet ?? false,
  };
}

function read<T>(option: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof PeriodError || error instanceof RangeError) {
      throw new ConfigError(`${option}: ${error.message}`);
    }
    throw error;
  }
}

function oneOf<T extends string>(option: string, text: string, allowed: readonly T[]): T {
  const value = allowed.find((word) => word === text.toLowerCase());
  if (value === undefined)
    throw new ConfigError(`${option} is ${JSON.stringify(text)}: right is ${allowed.join(', ')}.`);
  return value;
}

/** What a file is meant to be, by its name; a summary where nothing says. */
function formatOf(out: string | null): Format {
  const extension = /\.(html?|json|csv)$/i.exec(out ?? '')?.[1]?.toLowerCase();
  if (extension === undefined) return 'text';
  return extension === 'json' || extension === 'csv' ? extension : 'html';
}

/** By weeks for what is longer than two months, by days for what is longer than two of them. */
function trendOf(text: string | undefined, { from, to }: Period): Trend | null {
  if (text !== undefined) {
    const names = [...TRENDS.map((trend) => trend.toLowerCase()), 'none'];
    const name = oneOf('--trend', text, names).toUpperCase();
    return TRENDS.find((trend) => trend === name) ?? null;
  }
  const days = (toMillis(to) - toMillis(from)) / DAY;
  if (days > 2000) return null;
  return days > 400 ? 'MONTH' : days > 62 ? 'WEEK' : days > 2 ? 'DAY' : null;
}

function instantOf(text: string): Instant {
  const instant = parseInstant(text);
  if (instant !== null) return instant;
  throw new ConfigError(
    `--as-of is ${JSON.stringify(text)}: right is a day (2026-10-01, its midnight in UTC) or a time with its zone (2026-10-01T06:00:00Z).`,
  );
}

function thresholdsOf(texts: readonly string[]): Partial<Thresholds> {
  const changes = Object.fromEntries(texts.map(thresholdOf));
  read('--threshold', () => toThresholds(changes));
  return changes;
}

function thresholdOf(text: string): [string, number] {
  const [given = '', value = ''] = text.split('=', 2).map((part) => part.trim());
  const name = THRESHOLD_NAMES.find((known) => known === given);
  if (name === undefined) {
    throw new ConfigError(
      `--threshold ${JSON.stringify(text)}: right is NAME=VALUE, NAME one of ${THRESHOLD_NAMES.join(', ')}.`,
    );
  }
  const { type } = THRESHOLDS[name];
  const number = type === 'duration' ? parseDuration(value) : numberOf(value, type);
  if (number === null)
    throw new ConfigError(`--threshold ${name} is ${JSON.stringify(value)}: right is ${rangeOf(name)}.`);
  return [name, number];
}

function numberOf(text: string, type: 'share' | 'count'): number | null {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)(%?)$/.exec(text) ?? [];
  if (digits === undefined || (unit === '%' && type !== 'share')) return null;
  return unit === '%' ? Number(digits) / 100 : Number(digits);
}

import type { ControlDefinition } from '../controls/control.js';
import {
  PERIOD_FORMS,
  type Period,
  PeriodError,
  parsePeriod,
  partsOf,
  relativePeriod,
  TRENDS,
  type TrendUnit,
} from '../controls/period.js';
import { controlsOf } from '../controls/registry.js';
import { ROWS, type Rows } from '../evidence/report/rows.js';
import { FRAMEWORK_IDS, type FrameworkId } from '../policy/frameworks.js';
import {
  parseThreshold,
  rangeOf,
  THRESHOLD_NAMES,
  type Thresholds,
  toThresholds,
} from '../policy/thresholds.js';
import { DAY, type Instant, parseInstant, toMillis } from '../values/instant.js';

export interface RawReportQuestion {
  readonly period?: string | undefined;
  /** One or several, comma-separated. */
  readonly controls?: readonly string[] | undefined;
  readonly integration?: readonly string[] | undefined;
  readonly asOf?: string | undefined;
  readonly trend?: string | undefined;
  readonly rows?: string | undefined;
  readonly framework?: string | undefined;
  /** `true` or `false`. */
  readonly spreadsheet?: string | boolean | undefined;
  /** `name=value`. */
  readonly threshold?: readonly string[] | undefined;
}

export interface RequestedReport {
  /** For a relative period, as if it ended now. */
  readonly period: Period;
  /** A period whose end depends on what is collected; `null` if both ends are given. */
  readonly relative: ReturnType<typeof relativePeriod>;
  readonly controls: readonly ControlDefinition[];
  readonly integrations: readonly string[] | null;
  readonly asOf: Instant | null;
  readonly trend: TrendUnit | null;
  readonly rows: Rows;
  readonly framework: FrameworkId | null;
  readonly spreadsheet: boolean;
  readonly thresholds: Partial<Thresholds>;
}

export class ReportQuestionError extends Error {
  override readonly name = 'ReportQuestionError';
}

/** The name of an option in messages, such as `--as-of`. */
export type NameOf = (what: keyof RawReportQuestion | 'format') => string;

/** Parses the options; throws a `ReportQuestionError` that names the option and what is accepted. */
export function readReportQuestion(raw: RawReportQuestion, nameOf: NameOf, now: Instant): RequestedReport {
  if (raw.period === undefined || raw.period === '')
    throw new ReportQuestionError(`The period is missing: ${nameOf('period')} ${PERIOD_FORMS}.`);
  const given = raw.period;
  const relative = relativePeriod(given);
  const period = read(nameOf('period'), () => relative?.(now) ?? parsePeriod(given, now));
  const trend = trendOf(raw.trend, period, nameOf('trend'));
  if (trend !== null) read(nameOf('trend'), () => partsOf(period, trend));
  return {
    ...{ period, relative, trend },
    controls: chosenControls(raw.controls, nameOf),
    integrations: integrationsOf(raw.integration),
    asOf: raw.asOf === undefined ? null : instantOf(raw.asOf, nameOf('asOf')),
    rows: raw.rows === undefined ? 'exceptions' : choiceOf(nameOf('rows'), raw.rows, ROWS),
    spreadsheet:
      choiceOf(nameOf('spreadsheet'), String(raw.spreadsheet ?? false), ['true', 'false']) === 'true',
    framework:
      raw.framework === undefined ? null : choiceOf(nameOf('framework'), raw.framework, FRAMEWORK_IDS),
    thresholds: thresholdsOf(raw.threshold ?? [], nameOf('threshold')),
  };
}

export function chosenControls(texts: RawReportQuestion['controls'], nameOf: NameOf): ControlDefinition[] {
  const ids = texts?.flatMap((text) => text.split(',')).map((id) => id.trim());
  return read(nameOf('controls'), () => controlsOf(ids ?? null));
}

export function integrationsOf(names: RawReportQuestion['integration']): string[] | null {
  return names ? [...new Set(names)].sort() : null;
}

function read<T>(option: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof PeriodError || error instanceof RangeError)
      throw new ReportQuestionError(`${option}: ${error.message}`);
    throw error;
  }
}

export function choiceOf<T extends string>(option: string, text: string, allowed: readonly T[]): T {
  const value = allowed.find((word) => word === text.toLowerCase());
  if (value !== undefined) return value;
  throw new ReportQuestionError(`${option} is ${JSON.stringify(text)}; accepted: ${allowed.join(', ')}.`);
}

/** Weeks for more than two months, days for more than two days. */
function trendOf(text: string | undefined, { from, to }: Period, option: string): TrendUnit | null {
  if (text !== undefined) {
    const names = [...TRENDS.map((trend) => trend.toLowerCase()), 'none'];
    const name = choiceOf(option, text, names).toUpperCase();
    return TRENDS.find((trend) => trend === name) ?? null;
  }
  const days = (toMillis(to) - toMillis(from)) / DAY;
  if (days > 2000) return null;
  return days > 400 ? 'MONTH' : days > 62 ? 'WEEK' : days > 2 ? 'DAY' : null;
}

function instantOf(text: string, option: string): Instant {
  const instant = parseInstant(text);
  if (instant !== null) return instant;
  throw new ReportQuestionError(
    `${option} is ${JSON.stringify(text)}; accepted: a day (2026-10-01, its midnight in UTC) or a time with a time zone (2026-10-01T06:00:00Z).`,
  );
}

function thresholdsOf(texts: readonly string[], option: string): Partial<Thresholds> {
  const changes = Object.fromEntries(texts.map((text) => thresholdOf(text, option)));
  read(option, () => toThresholds(changes));
  return changes;
}

function thresholdOf(text: string, option: string): [string, number] {
  const [given = '', value = ''] = text.split('=', 2).map((part) => part.trim());
  const name = THRESHOLD_NAMES.find((known) => known === given);
  if (name === undefined) {
    throw new ReportQuestionError(
      `${option} is ${JSON.stringify(text)}; accepted: NAME=VALUE, where NAME is one of ${THRESHOLD_NAMES.join(', ')}.`,
    );
  }
  const number = parseThreshold(name, value);
  if (number !== null) return [name, number];
  throw new ReportQuestionError(`${option} ${name} is ${JSON.stringify(value)}; accepted: ${rangeOf(name)}.`);
}

import { POSTURE_WINDOWS, type PostureWindow, WINDOWS } from '../evidence/posture.js';
import { type Html, html } from '../evidence/report/html.js';
import type { NamedSeal } from '../evidence/seal/make-seals.js';
import type { Instant, Window } from '../values/instant.js';
import { type Collected, isComplete } from './collected.js';
import { type CountedSet, countLink, type Key } from './links.js';
import type {
  Answer,
  AnswerError,
  GroupAnswer,
  OverviewAnswer,
  PlacesAnswer,
  ResourceName,
  StatesAnswer,
  VerdictsAnswer,
} from './overview-query.js';

type Awaited<T> = Answer<T> | 'PENDING';

/** What an evaluation of controls brings, each as soon as it is there. */
export interface Evaluated {
  /** Now, for the window of the page. */
  readonly states: Awaited<StatesAnswer>;
  readonly places: Awaited<PlacesAnswer>;
  /** Of the judged period. */
  readonly verdicts: Awaited<VerdictsAnswer>;
}

export interface OverviewView {
  readonly answer: Answer<OverviewAnswer>;
  readonly evaluated: Evaluated;
  readonly collected: Readonly<Record<ResourceName, Collected>>;
  readonly seal: NamedSeal | null;
  readonly asOf: Instant;
  readonly now: Instant;
  readonly window: Window;
  readonly span: Span;
  readonly judged: {
    /** The period of the verdicts; `null` if there is none yet. */
    readonly text: string | null;
    /** When the first whole month ends; `null` if one was collected. */
    readonly wholeFrom: Instant | null;
  };
  readonly isOperator: boolean;
  readonly hasIde: boolean;
}

export const SPAN_TEXTS = { '24h': '24 hours', '7d': '7 days', '30d': '30 days', '90d': '90 days' } as const;
export type Span = keyof typeof SPAN_TEXTS;
export const SPANS = Object.keys(SPAN_TEXTS) as Span[];

/** As the graph names it. */
export function windowOf(span: Span): PostureWindow {
  return POSTURE_WINDOWS.find((window) => WINDOWS[window].text === span) as PostureWindow;
}

/** A root of the operation that has no data, with the reason. */
export class MissingAnswer extends Error {
  constructor(override readonly cause: AnswerError) {
    super(cause.message);
  }
}

export function answerOf<F extends keyof OverviewAnswer>(
  { answer }: Pick<OverviewView, 'answer'>,
  field: F,
): OverviewAnswer[F] {
  return fieldOf(answer, field);
}

export function fieldOf<T, F extends keyof T>({ data, errors }: Answer<T>, field: F): T[F] {
  const value = data?.[field] ?? null;
  if (value !== null) return value;
  const cause = errors.find(({ path }) => path[0] === field) ?? errors.find(({ path }) => path.length === 0);
  throw new MissingAnswer(
    cause ?? { message: 'There is no answer.', path: [], code: 'INTERNAL_SERVER_ERROR' },
  );
}

/** `At least` before a number that may be too small. */
export function leastText(
  view: OverviewView,
  resource: ResourceName,
  window: Window,
  { sampled, untimed }: { readonly sampled: number; readonly untimed: number },
): string {
  return isComplete(view.collected[resource], window) && sampled === 0 && untimed === 0 ? '' : 'At least ';
}

/** What is stored but not in a number. */
export function uncounted({
  sampled,
  untimed,
}: {
  readonly sampled: number;
  readonly untimed: number;
}): Html {
  return html`${sampled > 0 ? html`<p class="soft">Abnormal returned only a sample of the messages of ${sampled} of them, so all numbers of messages are lower bounds.</p>` : null}${untimed > 0 ? html`<p class="soft">${untimed} records without a time are not counted.</p>` : null}`;
}

export function linked(
  { hasIde, asOf }: Pick<OverviewView, 'hasIde' | 'asOf'>,
  count: number,
  set: Omit<CountedSet, 'asOf'>,
  keys: readonly Key[] = [],
): Html {
  return countLink(hasIde, count, { ...set, asOf }, keys);
}

/** `CREDENTIAL_PHISHING` as `Credential phishing`. */
export function valueText(value: string | null): string {
  if (value === null) return 'Not given by Abnormal';
  if (value === 'OTHER') return 'Unknown to the gateway';
  const text = value.toLowerCase().replaceAll('_', ' ');
  return /^vip$/.test(text) ? 'VIP' : text.charAt(0).toUpperCase() + text.slice(1).replace(/ bec$/, ' (BEC)');
}

export const AGE_TEXTS: Readonly<Record<string, string>> = {
  OVER_30_DAYS: 'Over 30 days',
  UNDER_30_DAYS: '7 to 30 days',
  UNDER_7_DAYS: '1 to 7 days',
  UNDER_1_DAY: '1 hour to 1 day',
  UNDER_1_HOUR: 'Under 1 hour',
};

/** The sum over the groups that have all these values. */
export function sumOf(groups: readonly GroupAnswer[], keys: readonly Key[]): number {
  const has = (group: GroupAnswer) =>
    keys.every(({ dimension, value }) =>
      group.keys.some((key) => key.dimension === dimension && key.value === value),
    );
  return groups.filter(has).reduce((sum, { count }) => sum + count, 0);
}

export function valuesOf(groups: readonly GroupAnswer[], dimension: string): (string | null)[] {
  const values = groups.flatMap(({ keys }) =>
    keys.flatMap((key) => (key.dimension === dimension ? key.value : [])),
  );
  return [...new Set(values)];
}

/** From the beginning of what is stored of a resource. */
export function storedWindow({ collected, window }: OverviewView, resource: ResourceName): Window {
  const starts = collected[resource].accounts.map(({ collectFrom }) => collectFrom).sort();
  return { from: starts[0] ?? window.from, to: window.to };
}

export const EMPTY = (text: string) => html`<p class="finding">${text}</p>`;

/** What is empty says so only where everything was read. */
export function emptyText(view: OverviewView, resource: ResourceName, window: Window, text: string): Html {
  const { included } = view.collected[resource];
  if (included.length === 0) return EMPTY('There are no numbers yet.');
  return isComplete(view.collected[resource], window)
    ? EMPTY(`${text}.`)
    : EMPTY(`Nothing is stored. Because not everything was read, this does not mean: ${lowerFirst(text)}.`);
}

export function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

/** A part of a block that may have no answer, while another part has one. */
export function orNotice<T>(read: () => T): { readonly value: T | null; readonly notice: Html | null } {
  try {
    return { value: read(), notice: null };
  } catch (error) {
    if (error instanceof MissingAnswer) return { value: null, notice: failureNotice(error) };
    throw error;
  }
}

export function failureNotice({ cause: { code, message } }: MissingAnswer): Html {
  if (code === 'FORBIDDEN')
    return html`<p class="notice quiet">Hidden by your operator (<code>REDACT</code>). To see it, ask for the role operator.</p>`;
  const next =
    code === 'NOT_COLLECTED'
      ? 'Load the page again in some minutes.'
      : 'Load the page again. If it stays, ask an operator of the gateway.';
  return html`<p class="notice">This cannot be shown now: ${message} ${next}</p>`;
}

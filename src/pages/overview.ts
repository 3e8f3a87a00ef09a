import { setTimeout as delay } from 'node:timers/promises';
import { Rested } from '../async/waiting.js';
import { WINDOWS } from '../evidence/posture.js';
import { html } from '../evidence/report/html.js';
import type { NamedSeal } from '../evidence/seal/make-seals.js';
import { HistoryError } from '../history/errors.js';
import type { Pin } from '../history/store.js';
import type { Log } from '../log.js';
import { type Caller, hasRole } from '../values/access.js';
import { DAY, earliest, type Instant, shift, toInstant, toMillis } from '../values/instant.js';
import { collected } from './collected.js';
import { messagePage, type Page } from './frame.js';
import { overviewPage } from './overview-page.js';
import {
  type Answer,
  type OverviewAnswer,
  overviewQuery,
  PLACES_QUERY,
  type PlacesAnswer,
  type ResourceName,
  STATES_QUERY,
  type StatesAnswer,
  VERDICTS_QUERY,
  type VerdictsAnswer,
} from './overview-query.js';
import { type Evaluated, type OverviewView, SPANS, type Span, windowOf } from './view.js';

export interface OverviewServices {
  /** Runs an operation as a caller: its limits and masked fields are those of the graph. */
  ask<T>(query: string, variables: object, request: OverviewRequest): Promise<Answer<T>>;
  head(): Promise<Pin>;
  newestSeal(pin: Pin): Promise<NamedSeal | null>;
  /** When the collection begins; `null` if nothing was collected. */
  collectedFrom(): Promise<Instant | null>;
  /** How often resources are polled, in milliseconds, by their names in the graph: those of blocks, and what else is collected. */
  readonly pollEvery: Readonly<Record<ResourceName, number>>;
  /** By what is evaluated. */
  readonly background: Map<string, Rested<Answer<object>>>;
  readonly title: () => string;
  readonly hasIde: boolean;
  readonly clock: () => number;
  readonly log: Log;
}

export interface OverviewRequest {
  readonly caller: Caller;
  readonly signal: AbortSignal;
}

/**
 * How long a page may have taken in all when it stops waiting for verdicts, and how long it waits for them in any case.
 * They are evaluated once for each recording, for all readers.
 */
const PATIENCE_MS = 300;
const LEAST_PATIENCE_MS = 50;
/** How long an evaluation waits for such a page to be sent. */
const PAUSE_MS = 500;

/** The page at `/`, from one view of the history. */
export async function readOverview(
  services: OverviewServices,
  request: OverviewRequest,
  given: string | undefined,
): Promise<Page> {
  const span = SPANS.find((known) => known === (given ?? '7d'));
  if (span === undefined) {
    const words = html`The window ${JSON.stringify(given)} does not exist. Accepted: ${SPANS.join(', ')}. <a href="/">Show the last 7 days</a>.`;
    return messagePage(400, 'Unknown window', words);
  }
  try {
    const view = await readView(services, request, span, await services.head());
    if (isUnreadable(view.answer)) return UNREADABLE;
    const onFailure = (block: string, err: unknown) =>
      services.log.error({ err, block }, 'a block of the overview could not be shown');
    return {
      status: 200,
      html: overviewPage(view, { title: services.title(), caller: request.caller, onFailure }),
    };
  } catch (error) {
    if (!(error instanceof HistoryError)) throw error;
    services.log.error({ err: error }, 'the history cannot be read');
    return UNREADABLE;
  }
}

const UNREADABLE = messagePage(
  503,
  'The history cannot be read now',
  html`No number can be shown. The gateway’s log has the reason. <a href="">Load the page again</a> in some seconds; if this stays, ask an operator of the gateway.`,
);

/** The controls are in the code, so that they are an answer also without a history. */
function isUnreadable({ data, errors }: Answer<OverviewAnswer>): boolean {
  const found = Object.entries(data ?? {}).filter(([field, value]) => field !== 'controls' && value !== null);
  return found.length === 0 && errors.some(({ code }) => code === 'HISTORY_UNAVAILABLE');
}

async function readView(
  services: OverviewServices,
  request: OverviewRequest,
  span: Span,
  pin: Pin,
): Promise<OverviewView> {
  const begun = performance.now();
  const now = toInstant(services.clock());
  // a clock that was set back
  const asOf = earliest(pin.at, now);
  const { ms } = WINDOWS[windowOf(span)];
  const window = { from: shift(asOf, -ms), to: asOf };
  const variables = {
    ...{ asOf, ...window, before: shift(window.from, -ms) },
    ...{ interval: span === '24h' ? 'HOUR' : span === '90d' ? 'WEEK' : 'DAY' },
    steps: span === '24h' ? 'HOUR' : span === '7d' ? 'DAY' : 'WEEK',
  };
  const [answer, seal] = await Promise.all([
    services.ask<OverviewAnswer>(overviewQuery(Object.keys(services.pollEvery)), variables, request),
    services.newestSeal(pin),
  ]);
  const { data } = answer;
  const stateOf = (resource: string, pollEvery: number) => {
    const coverage = data?.[resource as ResourceName] ?? null;
    return collected(resource, { integrations: data?.integrations ?? [], coverage, asOf, now, pollEvery });
  };
  const starts =
    data?.integrations?.flatMap(({ streams }) => streams.map(({ collectFrom }) => collectFrom)) ?? [];
  const judged = judgedPeriod(starts.sort()[0] ?? asOf, asOf);
  const patience = Math.max(LEAST_PATIENCE_MS, PATIENCE_MS - (performance.now() - begun));
  return {
    ...{ answer, seal, asOf, now, window, span, judged, hasIde: services.hasIde },
    evaluated: await evaluatedFor(services, request, { asOf, now, span, judged }, patience),
    isOperator: hasRole(request.caller, 'operator'),
    collected: Object.fromEntries(
      Object.entries(services.pollEvery).map(([name, ms]) => [name, stateOf(name, ms)]),
    ) as OverviewView['collected'],
  };
}

/** Each is left to end by itself if it takes longer than the page waits. */
async function evaluatedFor(
  services: OverviewServices,
  request: OverviewRequest,
  { asOf, now, span, judged }: Pick<OverviewView, 'asOf' | 'now' | 'span' | 'judged'>,
  patience: number,
): Promise<Evaluated> {
  const late = delay(patience, 'PENDING' as const, { ref: false });
  // of a history this large the states take seconds: the page goes first
  const pauseMs = patience > LEAST_PATIENCE_MS ? 0 : PAUSE_MS;
  const state = { asOf: now, windows: [windowOf(span)] };
  const verdicts =
    judged.text === null
      ? late
      : services.ask<VerdictsAnswer>(VERDICTS_QUERY, { asOf, period: judged.text }, request);
  verdicts.catch(() => {});
  // others are shown the answer too, so it does not end with this request
  const forAll = { ...request, signal: new AbortController().signal };
  const states = await newest(services, `states ${span}`, late, pauseMs, () =>
    services.ask<StatesAnswer>(STATES_QUERY, state, forAll),
  );
  const places =
    states === 'PENDING'
      ? states
      : await newest(services, `places ${span}`, late, pauseMs, () =>
          services.ask<PlacesAnswer>(PLACES_QUERY, state, forAll),
        );
  return { states, places, verdicts: await Promise.race([verdicts, late]) };
}

const FAULTLESS = { isKept: ({ errors }: Answer<object>) => errors.length === 0 };

/**
 * The answer to a question about the present, the same for all readers. A large history takes minutes to evaluate, so
 * the last answer, which names its instant, is shown until there is a new one.
 */
async function newest<T>(
  { background, clock }: OverviewServices,
  name: string,
  late: Promise<'PENDING'>,
  pauseMs: number,
  ask: () => Promise<Answer<T>>,
): Promise<Answer<T> | 'PENDING'> {
  const known = (background.get(name) ?? new Rested(clock, FAULTLESS)) as Rested<Answer<T>>;
  background.set(name, known);
  const underway = known.begin(async () => {
    if (pauseMs > 0) await delay(pauseMs, undefined, { ref: false });
    return ask();
  });
  const answer = underway === null ? 'PENDING' : await Promise.race([underway, late]);
  return answer === 'PENDING' ? (known.last ?? answer) : answer;
}

/** The last whole calendar month before an instant, or what was collected of whole days if that is less. */
function judgedPeriod(start: Instant, at: Instant): OverviewView['judged'] {
  const day = new Date(toMillis(at));
  const month = (n: number) => toInstant(Date.UTC(day.getUTCFullYear(), day.getUTCMonth() + n, 1));
  if (start <= month(-1)) return { text: month(-1).slice(0, 7), wholeFrom: null };
  const wholeFrom = start <= month(0) ? month(1) : month(2);
  const from = toInstant(Math.ceil(toMillis(start) / DAY) * DAY).slice(0, 10);
  const to = at.slice(0, 10);
  return { text: from < to ? `${from}/${to}` : null, wholeFrom };
}

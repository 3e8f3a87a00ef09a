import { countText, durationText, listText } from '../controls/words.js';
import { type Html, html, instantMarkup, spanMarkup } from '../evidence/report/html.js';
import type { StreamStatus } from '../model/stream.js';
import { earliest, type Instant, latest, toMillis, type Window } from '../values/instant.js';
import type { CoverageAnswer, Gap, IntegrationAnswer } from './overview-query.js';

/** A state of a block that is not the normal one: its cause, since when, and the next step. */
export interface Notice {
  /** No call to action, such as a licence that an account does not have. */
  readonly isQuiet: boolean;
  readonly text: Html;
}

interface AccountState {
  readonly name: string;
  readonly resource: string;
  /** `LATE`: allowed, but no poll has succeeded for longer than two intervals. */
  readonly status: StreamStatus | 'LATE';
  readonly message: string | null;
  readonly tokenMessage: string | null;
  readonly collectFrom: Instant;
  readonly lastSuccessAt: Instant | null;
  readonly lastAttemptAt: Instant | null;
  /** Everything between them is stored, except `holes`; equal if nothing is. */
  readonly since: Instant;
  readonly upTo: Instant;
  readonly holes: readonly Gap[];
  /** Abnormal no longer stores what is before `since`. */
  readonly isOutOfRetention: boolean;
  readonly missing: number;
}

export interface Collected {
  readonly accounts: readonly AccountState[];
  /** Those of which anything is stored. */
  readonly included: readonly AccountState[];
  /** Whether no account has this: there is nothing to show. */
  readonly isRefused: boolean;
  readonly isKnown: boolean;
}

interface CollectionFacts {
  readonly integrations: readonly IntegrationAnswer[];
  /** `null` if it could not be read. */
  readonly coverage: CoverageAnswer | null;
  readonly asOf: Instant;
  readonly now: Instant;
  /** The polling interval of the resource in milliseconds; `null` if it is not polled. */
  readonly pollEvery: number | null;
}

/** An account that does not have something: nothing to do about. */
export const REFUSED: ReadonlySet<string> = new Set(['NOT_LICENSED', 'NOT_ENABLED']);

function accountStates(resource: string, facts: CollectionFacts): AccountState[] {
  return facts.integrations.flatMap((integration) => {
    const streams = integration.streams.filter((stream) => stream.resource === resource);
    const [first] = streams;
    if (!first) return [];
    const { status, message } = streams.find((stream) => stream.status !== 'OK') ?? first;
    const own = (facts.coverage?.gaps ?? []).filter((gap) => gap.integration === integration.name);
    const isLate = status === 'OK' && isOverdue(first.lastSuccessAt, facts);
    return [
      {
        ...{ name: integration.name, tokenMessage: integration.tokenMessage, resource, message },
        ...{ collectFrom: first.collectFrom, lastSuccessAt: first.lastSuccessAt },
        ...{ lastAttemptAt: first.lastAttemptAt, status: isLate ? 'LATE' : status },
        ...storedSpan(own, first.collectFrom, facts.asOf),
        missing: (facts.coverage?.missing ?? []).filter(
          ({ integration: name, code }) => name === integration.name && code !== 'GONE',
        ).length,
      },
    ];
  });
}

function isOverdue(lastSuccessAt: Instant | null, { now, pollEvery }: CollectionFacts): boolean {
  if (lastSuccessAt === null || pollEvery === null) return false;
  return toMillis(now) - toMillis(lastSuccessAt) > 2 * pollEvery;
}

/** The gaps that follow each other from either end without a break are what is not read yet: only those between are holes. */
function storedSpan(gaps: readonly Gap[], collectFrom: Instant, asOf: Instant) {
  const ordered = [...gaps].sort((a, b) => (a.from < b.from ? -1 : 1));
  const since = ordered.reduce((at, { from, to }) => (from > at ? at : latest(at, to)), collectFrom);
  const end = ordered.reduceRight((at, { from, to }) => (to < at ? at : earliest(at, from)), asOf);
  const upTo = latest(since, end);
  return {
    ...{ since, upTo },
    holes: ordered.filter((gap) => gap.from >= since && gap.to <= upTo),
    isOutOfRetention: ordered.some(({ from, reason }) => from <= since && reason === 'OUT_OF_RETENTION'),
  };
}

export function collected(resource: string, facts: CollectionFacts): Collected {
  const accounts = accountStates(resource, facts);
  const asked = accounts.filter(({ status }) => !REFUSED.has(status));
  return {
    accounts,
    included: asked.filter(({ since, upTo }) => since < upTo),
    isRefused: accounts.length > 0 && asked.length === 0,
    isKnown: facts.coverage !== null,
  };
}

/** What is not in the numbers of a window, by account. */
export function noticesOf(
  { accounts, included, isKnown }: Collected,
  window: Window,
  isOperator: boolean,
): Notice[] {
  if (!isKnown)
    return [
      note(
        html`What is missing cannot be determined now, so all numbers are lower bounds. Load the page again.`,
      ),
    ];
  const notices = accounts.flatMap((account) => accountNotices(account, window, isOperator));
  if (included.length === 0 || included.length === accounts.length) return notices;
  const names = listText(
    included.map(({ name }) => name),
    10,
  );
  return [note(html`These numbers include ${names} only.`, true), ...notices];
}

/** Whether everything of the window was collected, except what is not due yet. */
export function isComplete({ accounts, isKnown }: Collected, { from, to }: Window): boolean {
  const asked = accounts.filter(({ status }) => !REFUSED.has(status));
  if (!isKnown || asked.length === 0) return false;
  return asked.every(
    ({ since, upTo, holes, missing }) =>
      since < upTo && since <= from && missing === 0 && !holes.some((gap) => gap.from < to && gap.to > from),
  );
}

/** Up to when all accounts were read; `null` if nothing was. */
export function readUpTo({ included }: Collected): Instant | null {
  return included.reduce<Instant | null>((at, { upTo }) => (at === null ? upTo : earliest(at, upTo)), null);
}

const SHOWN_HOLES = 3;

function accountNotices(account: AccountState, window: Window, isOperator: boolean): Notice[] {
  const { name, since, upTo, collectFrom, missing, isOutOfRetention } = account;
  const status = statusNotice(account, isOperator);
  if (REFUSED.has(account.status)) return status;
  const holes = account.holes.filter(({ from, to }) => from < window.to && to > window.from);
  const isEmpty = since >= upTo;
  const isGoingBack = !isEmpty && since > latest(collectFrom, window.from) && !isOutOfRetention;
  const more = holes.length - SHOWN_HOLES;
  return [
    ...status,
    ...noteIf(
      isEmpty,
      html`${name}: not read yet. The collection begins with the latest day. Load the page again in some minutes.`,
    ),
    ...noteIf(
      isGoingBack,
      html`${name}: read back to ${instantMarkup(since)} so far, going on to ${instantMarkup(collectFrom)}. Earlier records are not in these numbers.`,
    ),
    ...noteIf(
      isOutOfRetention && since > window.from,
      html`${name}: Abnormal no longer stores what is before ${instantMarkup(since)}. It cannot be collected.`,
      true,
    ),
    ...holes.slice(0, SHOWN_HOLES).map((hole) => note(holeText(name, hole))),
    ...noteIf(more > 0, html`${name}: ${more} more gaps. The query <code>coverage</code> lists them.`),
    ...noteIf(
      missing > 0,
      html`${name}: ${countText(missing, 'listed record')} could not be read. Each poll requests them again.`,
    ),
  ];
}

function noteIf(isSo: boolean, text: Html, isQuiet = false): Notice[] {
  return isSo ? [note(text, isQuiet)] : [];
}

function note(text: Html, isQuiet = false): Notice {
  return { isQuiet, text };
}

function holeText(name: string, { from, to, reason, detail }: Gap): Html {
  const why = detail === null ? null : html` ${detail}`;
  return html`${name}: ${spanMarkup(from, to)} is missing (${reason.toLowerCase().replaceAll('_', ' ')}).${why} The next poll reads it again.`;
}

/** What Abnormal’s refusal means for the numbers. The cause and the next step are in the message of the stream. */
function statusNotice(account: AccountState, isOperator: boolean): Notice[] {
  const { name, status, message, tokenMessage, lastSuccessAt, lastAttemptAt } = account;
  const last =
    lastSuccessAt === null
      ? html`Nothing was read before.`
      : html`The numbers are those of the last successful poll, ${instantMarkup(lastSuccessAt)}.`;
  const why = message === null ? null : html` ${message}`;
  switch (status) {
    case 'OK':
    case 'NEVER_READ':
      return [];
    case 'NOT_LICENSED':
      return [note(html`${name}: the account has no licence for this. To get it, ask Abnormal.`, true)];
    case 'NOT_ENABLED':
      return [note(html`${name}: this is not enabled for the account. To get it, ask Abnormal.`, true)];
    case 'LATE':
      return [
        note(
          html`${name}: no poll has succeeded since ${lastSuccessAt === null ? 'the start' : instantMarkup(lastSuccessAt)}. ${isOperator ? html`The page <a href="/readyz">/readyz</a> and the log have the reason.` : 'Ask an operator of the gateway.'}`,
        ),
      ];
    case 'TOKEN_REJECTED':
      return [
        note(
          html`${name}: Abnormal rejects the token${lastAttemptAt === null ? null : html`, last at ${instantMarkup(lastAttemptAt)}`}. ${last} ${isOperator ? html`${tokenMessage ?? message}` : 'An operator of the gateway must replace the token.'}`,
        ),
      ];
    default:
      return [note(html`${name}: Abnormal cannot be read now. ${last}${why}`)];
  }
}

/** `4 min` ago, or in the future by a wrong clock. */
export function agoText(at: Instant, now: Instant): string {
  const ms = toMillis(now) - toMillis(at);
  return ms < 60_000 ? 'just now' : `${durationText(ms, 1)} ago`;
}

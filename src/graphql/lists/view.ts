import type { Pin } from '../../history/store.js';
import type { ListedKind } from '../../resources/registry.js';
import type { Freshness } from '../../sync/sync.js';
import { type Instant, shift, toMillis } from '../../values/instant.js';
import { badInput, queryError, upstreamErrorCode } from '../base/errors.js';
import { type Dependencies, type ListFreshness, namesOf } from '../operation/response-cache.js';
import type { RequestServices } from '../request/services.js';
import { type CursorValue, foreignCursor } from './page.js';

export interface ReadArgs {
  readonly asOf?: Instant | null;
  readonly maxAge?: number | null;
  readonly staleIfError?: boolean | null;
}

/** One `seq` for a root and everything below it. */
export interface View {
  readonly seq: number;
  /** As `asOf`, it returns the same view again. */
  readonly asOf: Instant;
  /** A view of the past, which never asks Abnormal. */
  readonly frozen: boolean;
  /** `null` if nothing had to be made fresh. */
  readonly freshness: Freshness | null;
  /** What was verified since then was read for this request. */
  readonly requestedAt: Instant;
  /** How old on-demand fields may be. */
  readonly maxAgeMs: number;
  readonly staleIfError: boolean;
}

/** The checked arguments of freshness. */
export interface ReadOptions {
  /** `null`: now. */
  readonly asOf: Instant | null;
  readonly maxAgeMs: number;
  readonly staleIfError: boolean;
}

/** Throws for `asOf` in the future or together with `maxAge`. */
export function toReadOptions(services: RequestServices, args: ReadArgs): ReadOptions {
  const { asOf = null, maxAge = null, staleIfError } = args;
  if (asOf !== null && maxAge !== null) {
    throw badInput(
      'asOf reads the history and never asks Abnormal, so it cannot be combined with maxAge. Pass one of them.',
      'maxAge',
    );
  }
  if (maxAge !== null && maxAge < 0)
    throw badInput(`maxAge must be 0 seconds or more; it is ${maxAge}.`, 'maxAge');
  const now = services.now();
  if (asOf !== null && asOf > now) {
    throw badInput(`asOf must not be in the future: it is ${asOf}; the gateway’s time is ${now}.`, 'asOf');
  }
  const maxAgeMs = maxAge === null ? services.defaultMaxAgeMs : maxAge * 1000;
  return { asOf, maxAgeMs, staleIfError: staleIfError ?? true };
}

export async function pastView(
  services: RequestServices,
  options: ReadOptions & { asOf: Instant },
): Promise<View> {
  const { seq } = await services.store.pinAt(options.asOf);
  return {
    ...options,
    ...{ seq, frozen: true, freshness: null, requestedAt: services.requestedAt },
  };
}

/**
 * Throws `NOT_COLLECTED`, with the first instant, for a view before the first recording of all kinds: there,
 * nothing found means nothing.
 */
export async function assertCollected(
  { loaders }: RequestServices,
  view: Pick<View, 'seq' | 'asOf'>,
  kinds: readonly ListedKind[],
  integrations: readonly string[],
): Promise<void> {
  if (kinds.length === 0 || integrations.length === 0) return;
  const first = await loaders.current.firstRecorded({ kinds, integrations });
  if (first && first.seq <= view.seq) return;
  const what = `No ${kinds.join(' or ')} of ${integrations.join(', ')}`;
  const message = first
    ? `${what} was recorded at ${view.asOf}: the first recording was at ${first.at}. Pass that instant or a later one, or omit it.`
    : `${what} was ever recorded. Omit the instant, so that the gateway asks Abnormal.`;
  throw queryError('NOT_COLLECTED', message, { firstRecordedAt: first?.at ?? null });
}

/** The newest view with its freshness. */
export function latestView(
  { requestedAt }: RequestServices,
  { maxAgeMs, staleIfError }: ReadOptions,
  freshness: Freshness | null,
  { seq, at: asOf }: Pin,
): View {
  return { seq, asOf, frozen: false, freshness, requestedAt, maxAgeMs, staleIfError };
}

/** The view that a cursor pins: later writes are not visible, and Abnormal is not called. */
export function pinnedView(
  { requestedAt }: RequestServices,
  options: ReadOptions,
  [seq, asOf]: readonly CursorValue[],
  head: Pin,
): View {
  if (typeof seq !== 'number' || seq > head.seq || typeof asOf !== 'string') {
    throw foreignCursor();
  }
  return { ...options, seq, asOf, frozen: options.asOf !== null, freshness: null, requestedAt };
}

/** The view of the batch that recorded a version. */
export function viewOfRevision(revision: { seqFrom: number; observedFrom: Instant }): View {
  const { seqFrom: seq, observedFrom: asOf } = revision;
  return {
    ...{ seq, asOf, frozen: true, requestedAt: asOf },
    ...{ freshness: null, maxAgeMs: 0, staleIfError: true },
  };
}

/** What an answer shows of the present is of the second that began last, so that it is right for all of it. */
export function currentSecond(services: RequestServices): Pick<Dependencies, 'from' | 'until'> {
  const from = `${services.now().slice(0, -5)}.000Z`;
  return { from, until: shift(from, 1_000) };
}

/** Whether what was confirmed at `verifiedAt` need not be asked for again. */
export function isFresh(services: RequestServices, verifiedAt: Instant, maxAgeMs: number): boolean {
  const age = toMillis(services.now()) - toMillis(verifiedAt);
  // a time in the future comes from a wrong clock
  return age >= 0 && age < maxAgeMs;
}

/** Counts the reads of Abnormal for the cost of the response. */
export function noteLive(services: RequestServices, freshness: Freshness): void {
  if (freshness.stale || freshness.live) services.liveReads += 1;
}

/** Throws for a stale answer if the caller does not accept it, or nothing is stored. */
export function assertAcceptable(
  freshness: Freshness,
  held: boolean,
  options: { staleIfError: boolean },
): void {
  if (!freshness.stale || (held && options.staleIfError)) return;
  throw queryError(upstreamErrorCode(freshness.code), freshness.reason);
}

type ListWindow = Omit<ListFreshness, 'verifiedAt'>;

/** Refreshed from Abnormal, unless the list is known to be fresh enough. */
export async function freshHead(
  services: RequestServices,
  { resource, integrations, maxAgeMs }: ListWindow,
): Promise<{ freshness: Freshness; head: Pin }> {
  // by name, because the freshness of a new account is not known
  const names = integrations ?? services.accounts.list().map(({ name }) => name);
  const key = `${resource} ${names.join(' ')}`;
  const known = services.listFreshness.get(key);
  if (known && isFresh(services, known.verifiedAt, maxAgeMs)) {
    const head = await services.store.head();
    const { verifiedAt } = known;
    if (known.head === head.seq) return { freshness: { stale: false, verifiedAt, live: false }, head };
  }
  const freshness = await services.live.list(resource, integrations, maxAgeMs, services.signal);
  noteLive(services, freshness);
  const head = await services.store.head();
  if (!freshness.stale && freshness.verifiedAt) {
    services.listFreshness.set(key, { verifiedAt: freshness.verifiedAt, head: head.seq });
  }
  return { freshness, head };
}

/** Whether a response would be the same again: nothing was recorded since, and its lists are as fresh as before. */
export async function isUnchanged(
  services: RequestServices,
  { head, lists, from, until, accounts }: Dependencies,
): Promise<boolean> {
  const { requestedAt: now } = services;
  if (now < from || now >= until || accounts !== namesOf(services.accounts)) return false;
  if (lists.length === 0) return (await services.store.head()).seq === head;
  const found = await Promise.all(lists.map((list) => freshHead(services, list)));
  return found.every(({ freshness, head: { seq } }, i) => {
    const isSame = !freshness.stale && !freshness.live && freshness.verifiedAt === lists[i]?.verifiedAt;
    return isSame && seq === head;
  });
}

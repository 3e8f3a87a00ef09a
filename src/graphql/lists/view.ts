import type { Pin } from '../../history/store.js';
import type { ListedKind } from '../../resources/registry.js';
import type { Freshness } from '../../sync/sync.js';
import { type Instant, toMillis } from '../../values/instant.js';
import { badInput, queryError, upstreamErrorCode } from '../base/errors.js';
import type { RequestServices } from '../request/services.js';

/** How fresh an answer must be, or of which instant. */
export interface ReadArgs {
  readonly asOf?: Instant | null;
  readonly maxAge?: number | null;
  readonly staleIfError?: boolean | null;
}

/** What an answer is read from: one `seq` for a root and everything below it. */
export interface View {
  readonly seq: number;
  /** The instant whose state this is; asked for again as `asOf`, the same is seen. */
  readonly asOf: Instant;
  /** Of the past: answered from the history alone, on-demand fields included. */
  readonly frozen: boolean;
  /** What was done for freshness; `null` where nothing had to be. */
  readonly freshness: Freshness | null;
  /** When the request came; what was verified since was read for it. */
  readonly requestedAt: Instant;
  /** How old on-demand fields may be. */
  readonly maxAgeMs: number;
  readonly staleIfError: boolean;
}

/** A checked wish for freshness. */
export interface ReadOptions {
  /** Of the past when given. */
  readonly asOf: Instant | null;
  readonly maxAgeMs: number;
  readonly staleIfError: boolean;
}

/** Checks what the caller wants; `asOf` in the future or beside `maxAge` is the caller's error. */
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

/** The view of a past instant. */
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
 * Fails with `NOT_COLLECTED` where a view is of before the first recording of any of the kinds: what is not found
 * in it says nothing. The message and `firstRecordedAt` name the first instant that can be asked for.
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

/** The newest view, given what was done for its freshness. */
export function latestView(
  { requestedAt }: RequestServices,
  { maxAgeMs, staleIfError }: ReadOptions,
  freshness: Freshness | null,
  { seq, at: asOf }: Pin,
): View {
  return { seq, asOf, frozen: false, freshness, requestedAt, maxAgeMs, staleIfError };
}

/** The view in which a version was first seen: that batch, nothing later. */
export function viewOfRevision(revision: { seqFrom: number; observedFrom: Instant }): View {
  const { seqFrom: seq, observedFrom: asOf } = revision;
  return {
    ...{ seq, asOf, frozen: true, requestedAt: asOf },
    ...{ freshness: null, maxAgeMs: 0, staleIfError: true },
  };
}

/** Whether what was confirmed at `verifiedAt` need not be asked for again. */
export function isFresh(services: RequestServices, verifiedAt: Instant, maxAgeMs: number): boolean {
  const age = toMillis(services.now()) - toMillis(verifiedAt);
  // what was confirmed in the future was confirmed by a clock that was wrong
  return age >= 0 && age < maxAgeMs;
}

/** Counts that Abnormal was asked, if it was: an answer says what it cost. */
export function noteLive(services: RequestServices, freshness: Freshness): void {
  if (freshness.stale || freshness.live) services.liveReads += 1;
}

/** Turns a stale answer into an error where the caller will not have it, or where nothing is held to give. */
export function assertAcceptable(
  freshness: Freshness,
  held: boolean,
  options: { staleIfError: boolean },
): void {
  if (!freshness.stale || (held && options.staleIfError)) return;
  throw queryError(upstreamErrorCode(freshness.code), freshness.reason);
}

import { z } from 'zod';
import type { HistoryStore } from '../history/store.js';
import { readTokenSituations } from '../integrations/token-history.js';
import { streamText } from '../model/ledger.js';
import type { StreamState } from '../model/stream.js';
import { replaceBy, tokenState } from '../model/token.js';
import { type Rules, thresholdsFor } from '../policy/policy.js';
import { mostBetweenPolls } from '../policy/thresholds.js';
import type { GatewayEvent } from '../policy/webhooks.js';
import { canonicalJson, sha256 } from '../values/canonical-json.js';
import { DAY, type Instant, shift, toInstant, toMillis } from '../values/instant.js';

export interface DetectedEvent {
  readonly type: GatewayEvent;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface Situation {
  readonly subject: string;
  /** `null`: it is over, and no longer known. */
  readonly state: string | null;
  /** The event of a change from another state; `null` if it is none. */
  event(before: string | undefined): DetectedEvent | null;
}

interface DetectOptions {
  readonly store: HistoryStore;
  readonly clock: () => number;
  readonly rules: () => Rules;
  readonly integrations: () => readonly string[];
  readonly more?: readonly Detector[];
}

/** Reads the states of its subjects; `known`: the last known states, by subject. */
export type Detector = (
  now: Instant,
  known: Readonly<Record<string, string>>,
  signal?: AbortSignal,
) => Promise<Situation[]>;

const COLLECTION = 'settings';
const DOCUMENT = 'webhook-events';
const KNOWN = z.object({
  known: z.record(z.string(), z.string()),
  /** The events of the last change are the entries after this one. */
  after: z.int(),
  events: z.array(
    z.object({ type: z.string(), at: z.string(), seq: z.int(), data: z.record(z.string(), z.unknown()) }),
  ),
});
type Known = z.infer<typeof KNOWN>;

const NOTHING: Known = { known: {}, after: 0, events: [] };

/**
 * Compares the present with the last known states, and adds what has changed to the journal `events`. The states and
 * the events are stored first, so that a process that is killed leaves out no event and writes none twice.
 */
export async function detectEvents(options: DetectOptions, signal?: AbortSignal): Promise<void> {
  const { store, clock, more = [] } = options;
  const document = await store.document(COLLECTION, DOCUMENT);
  const last: Known = document ? KNOWN.parse(document.body) : NOTHING;
  await append(store, last);
  const at = toInstant(clock());
  const situations = await Promise.all([
    streamSituations(options, at),
    tokenSituations(options, at),
    waiverSituations(options, at),
    ...more.map((detector) => detector(at, last.known, signal)),
  ]);
  const found = situations.flat();
  const known = Object.fromEntries(
    found.flatMap(({ subject, state }) => (state === null ? [] : [[subject, state]])),
  );
  if (canonicalJson(known) === canonicalJson(last.known)) return;
  const { seq } = await store.head();
  const events = found.flatMap(({ subject, state, event }) => {
    const before = last.known[subject];
    const detected = before === state ? null : event(before);
    return detected ? [{ ...detected, at, seq }] : [];
  });
  const next: Known = { known, after: await store.journalLength('events'), events };
  // another process may be faster; then it appends
  if (await store.putDocument(COLLECTION, DOCUMENT, next, document?.version ?? 0)) await append(store, next);
}

async function append(store: HistoryStore, { after, events }: Known): Promise<void> {
  for (const [i, { at, ...body }] of events.entries()) await store.append('events', after + 1 + i, at, body);
}

async function streamSituations(
  { store, integrations, rules }: DetectOptions,
  now: Instant,
): Promise<Situation[]> {
  const collected = integrations();
  const tried = (await store.streams()).filter(
    ({ integration, lastAttemptAt }) => collected.includes(integration) && lastAttemptAt !== null,
  );
  return tried.map((stream): Situation => {
    const { integration, resource, filterKey, status, lastSuccessAt } = stream;
    const most = mostBetweenPolls(thresholdsFor(rules(), integration), resource);
    const data = { integration, resource, filterKey, status, lastSuccessAt };
    const state = isStale(stream, now, most) ? 'STALE' : 'OK';
    return {
      subject: `stream ${streamText(stream)}`,
      state,
      event(before) {
        if (state === 'STALE') return { type: 'collection.stale', data };
        return before === 'STALE' ? { type: 'collection.recovered', data } : null;
      },
    };
  });
}

/** Whether a poll was missed: the same limit as in the control that counts missed polls. */
function isStale({ status, lastSuccessAt }: StreamState, now: Instant, mostMs: number): boolean {
  if (status === 'NOT_LICENSED' || status === 'NOT_ENABLED') return false;
  if (lastSuccessAt === null) return status !== 'OK';
  return toMillis(now) - toMillis(lastSuccessAt) > mostMs;
}

async function tokenSituations({ store, integrations }: DetectOptions, now: Instant): Promise<Situation[]> {
  const collected = integrations();
  return [...(await readTokenSituations(store))].flatMap(([integration, token]): Situation[] => {
    if (!collected.includes(integration)) return [];
    const state = tokenState(token, now);
    const data = { integration, state, replaceBy: replaceBy(token) };
    const isDue = state !== 'OK' && state !== 'UNKNOWN';
    return [
      { subject: `token ${integration}`, state, event: () => (isDue ? { type: 'token.due', data } : null) },
    ];
  });
}

const NOTICE = 14 * DAY;

async function waiverSituations({ rules }: DetectOptions, now: Instant): Promise<Situation[]> {
  return rules().policy.waivers.flatMap((waiver): Situation[] => {
    const { number, ...content } = waiver;
    const { control, ticket, expires } = waiver;
    if (now < shift(expires, -NOTICE)) return [];
    const state = now < expires ? 'EXPIRING' : 'EXPIRED';
    const data = { state, waiver: number, control, ticket, expires };
    // its number changes with the waivers before it
    const subject = `waiver ${sha256(canonicalJson(content)).slice(0, 16)}`;
    return [{ subject, state, event: () => ({ type: 'waiver.expiring', data }) }];
  });
}

import type { LookupFunction } from 'node:net';
import { type BudgetOptions, createBudget } from '../abnormal/budget.js';
import { type AbnormalClient, type CallOptions, type ListPage, newMeter } from '../abnormal/client.js';
import { type UpstreamCode, UpstreamError } from '../abnormal/errors.js';
import { createAbnormalClient } from '../abnormal/rest-client.js';
import type { Log } from '../log.js';
import type { TokenTimes } from '../model/token.js';
import { FILTER_KEYS, type Resource } from '../resources/registry.js';
import { DecodeError } from '../resources/wire.js';
import { DAY, type Instant, shift, toInstant } from '../values/instant.js';
import type { Secret } from '../values/secret.js';
import { ACCESS_ADVICE, matchToken } from './token-watch.js';
import type { Vault } from './vault.js';

/** What was asked of an account: a list, or what Abnormal says of the token. */
export type Tested = Resource | 'tokens';

const TEST_OUTCOMES = [
  'WORKS',
  'EMPTY',
  'NOT_LICENSED',
  'NOT_ENABLED',
  'NOT_ANSWERED',
  'FAILED',
  'SKIPPED',
] as const;

/**
 * How one question of a connection test was answered. `EMPTY`: it works, and there is nothing. `NOT_ANSWERED`:
 * Abnormal does not tell this account. `SKIPPED`: not asked, since the one before would have gone no better.
 */
export type TestOutcome = (typeof TEST_OUTCOMES)[number];

export interface TestedPart {
  readonly part: Tested;
  readonly outcome: TestOutcome;
  /** How many there are in the last week; the least that there are where `isAll` is false. */
  readonly seen: number | null;
  readonly isAll: boolean;
  /** An `UpstreamCode`, or `UNDECODABLE`; `null` where nothing is wrong. */
  readonly code: string | null;
  /** A sentence for a person: what works, or what is wrong and what to do. */
  readonly message: string;
}

/** What a connection test found. */
export interface IntegrationTest {
  readonly testedAt: Instant;
  /** Whether Abnormal lets the account be read: no list failed, and one at least can be read. */
  readonly works: boolean;
  readonly parts: readonly TestedPart[];
  /** What Abnormal says of the token; `null` where it does not, or names several. */
  readonly token: TokenTimes | null;
  /** Requests that it cost. */
  readonly calls: number;
}

interface TestOptions {
  readonly client: AbnormalClient;
  /** The integration's name: a token of that name in Abnormal's portal is taken for its own. */
  readonly name: string;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  readonly signal?: AbortSignal | undefined;
}

const SPAN = 7 * DAY;
/** The cases first, as the project's brief has it. */
const ORDER: readonly Resource[] = ['cases', 'threats', 'campaigns'];

/**
 * Tries what an account is read by, one request each where all is well, and says in words what came of it.
 * Whatever Abnormal answers is a result, not an error.
 */
export async function testIntegration(options: TestOptions): Promise<IntegrationTest> {
  const now = toInstant(options.clock());
  const meter = newMeter();
  const { signal } = options;
  const call: CallOptions = { priority: 'interactive', tries: 1, meter, ...(signal ? { signal } : {}) };
  const parts: TestedPart[] = [];
  for (const resource of ORDER) {
    const hopeless = parts.find(({ code }) => isHopeless(code));
    parts.push(hopeless ? skipped(resource, hopeless) : await testList(resource, options, call, now));
  }
  const hopeless = parts.find(({ code }) => isHopeless(code));
  const match = hopeless
    ? { part: skipped('tokens', hopeless), token: null }
    : await testTokens(options, call, now);
  const hinted = parts.map((part) =>
    isSeenEmpty(parts) && part.part === 'threats' ? withAdvice(part) : part,
  );
  return {
    testedAt: now,
    works: parts.every(isFine) && parts.some(isReadable),
    parts: [...hinted, match.part],
    token: match.token,
    calls: meter.calls,
  };
}

function isFine({ outcome }: TestedPart): boolean {
  return outcome !== 'FAILED' && outcome !== 'SKIPPED';
}

/** Whether all that can be read is empty, over a span much longer than Abnormal takes to list what is new. */
function isSeenEmpty(parts: readonly TestedPart[]): boolean {
  const isThreats = parts.some(({ part, outcome }) => part === 'threats' && outcome === 'EMPTY');
  return isThreats && !parts.some(({ outcome }) => outcome === 'WORKS');
}

function withAdvice(part: TestedPart): TestedPart {
  return { ...part, message: `${part.message} ${ACCESS_ADVICE}` };
}

function isReadable({ outcome }: TestedPart): boolean {
  return outcome === 'WORKS' || outcome === 'EMPTY';
}

// what is wrong with the token, the way or the allowance is wrong for every list
const HOPELESS: readonly UpstreamCode[] = [
  'TOKEN_REJECTED',
  'RATE_LIMITED',
  'UNREACHABLE',
  'TIMEOUT',
  'REDIRECTED',
  'CANCELLED',
];

function isHopeless(code: string | null): boolean {
  return HOPELESS.some((each) => each === code);
}

async function testList(
  resource: Resource,
  { client }: TestOptions,
  call: CallOptions,
  now: Instant,
): Promise<TestedPart> {
  const window = { from: shift(now, -SPAN), to: now };
  const ask = () => client.list(resource, FILTER_KEYS[resource][0], window, 1, call);
  try {
    return found(resource, await ask().catch((error: unknown) => askAgain(error, ask)));
  } catch (error) {
    return refused(resource, error);
  }
}

/** A connection kept from earlier may have been closed on the other side just now, which says nothing. */
function askAgain<T>(error: unknown, ask: () => Promise<T>): Promise<T> {
  if (error instanceof UpstreamError && error.code === 'UNREACHABLE') return ask();
  throw error;
}

function found(resource: Resource, { items, unusable, nextPage, total }: ListPage): TestedPart {
  const held = items.length + unusable.length;
  const seen = Math.max(held, total ?? 0);
  const isAll = nextPage === null || total !== null;
  if (seen === 0)
    return { ...NOTHING, part: resource, outcome: 'EMPTY', seen, isAll, message: empty(resource) };
  const count = `${isAll ? '' : 'at least '}${seen}`;
  const message = `The list of ${resource} works: ${count} in the last 7 days.`;
  return { ...NOTHING, part: resource, outcome: 'WORKS', seen, isAll, message };
}

const NOTHING = { seen: null, isAll: true, code: null } as const;

function empty(resource: Resource): string {
  return `The list of ${resource} works and is empty: none in the last 7 days. What happened less than 15 minutes ago may not be listed yet.`;
}

function refused(part: Tested, error: unknown): TestedPart {
  if (error instanceof UpstreamError) {
    const { code, message } = error;
    // threats every account has: without them the address is wrong
    const isOffered = part === 'threats' || (code !== 'NOT_LICENSED' && code !== 'NOT_ENABLED');
    const outcome = isOffered ? 'FAILED' : code;
    return { ...NOTHING, part, outcome, code, message };
  }
  if (!(error instanceof DecodeError)) throw error;
  const advice = 'Abnormal may have changed its API: check for a newer version of the gateway.';
  return { ...NOTHING, part, outcome: 'FAILED', code: 'UNDECODABLE', message: `${error.message}. ${advice}` };
}

function skipped(part: Tested, { part: before }: TestedPart): TestedPart {
  const what = part === 'tokens' ? 'What Abnormal says of the token' : `The list of ${part}`;
  const message = `${what} was not asked for: see ${before}.`;
  return { ...NOTHING, part, outcome: 'SKIPPED', message };
}

async function testTokens(
  { client, name }: TestOptions,
  call: CallOptions,
  now: Instant,
): Promise<{ readonly part: TestedPart; readonly token: TokenTimes | null }> {
  try {
    const { outcome, seen, message, token } = matchToken(await client.tokens(call), name, now);
    return { part: { ...NOTHING, part: 'tokens', outcome, seen, message }, token };
  } catch (error) {
    return { part: refused('tokens', error), token: null };
  }
}

export interface TokenTestOptions extends Pick<BudgetOptions, 'rpm' | 'concurrency'> {
  readonly name: string;
  readonly baseUrl: string;
  /** Itself, or how it is come by. */
  readonly token: Secret | (() => Promise<Secret>);
  readonly timeoutMs: number;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  readonly log: Log;
  readonly lookup?: LookupFunction | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Tests an address with a token, whether or not an account of that name is read. */
export async function testToken(options: TokenTestOptions): Promise<IntegrationTest> {
  const { baseUrl, timeoutMs, clock, log, lookup } = options;
  const token = typeof options.token === 'function' ? await options.token() : options.token;
  const budget = createBudget(options);
  const client = createAbnormalClient({
    ...{ baseUrl, budget, timeoutMs, clock, log, lookup },
    token: () => token.reveal(),
  });
  try {
    return await testIntegration({ ...options, client });
  } finally {
    client.close();
  }
}

/** The token that a stored integration has had since `storedAt`, once it is wanted. */
export function storedToken(
  vault: Pick<Vault, 'reveal'>,
  name: string,
  storedAt: Instant,
): () => Promise<Secret> {
  return () => vault.reveal(name, storedAt);
}

import type { LookupFunction } from 'node:net';
import { type BudgetOptions, createBudget } from '../abnormal/budget.js';
import { newMeter } from '../abnormal/call.js';
import type { AbnormalClient, CallOptions, ListPage } from '../abnormal/client.js';
import { type UpstreamCode, UpstreamError } from '../abnormal/errors.js';
import { createAbnormalClient } from '../abnormal/rest-client.js';
import type { Log } from '../log.js';
import type { TokenTimes } from '../model/token.js';
import { DEFINITION_OF_RESOURCE, FILTER_KEYS, type Resource } from '../resources/registry.js';
import { DecodeError } from '../resources/wire.js';
import { DAY, type Instant, shift, toInstant } from '../values/instant.js';
import type { Secret } from '../values/secret.js';
import type { Vault } from './stored-vault.js';
import { ACCESS_ADVICE, matchToken } from './token-watch.js';

export type Tested = Resource | 'tokens';

/** `NOT_ANSWERED`: not available for this account. `SKIPPED`: would fail like the one before. */
export type TestOutcome =
  | ('WORKS' | 'EMPTY' | 'FAILED' | 'SKIPPED')
  | ('NOT_LICENSED' | 'NOT_ENABLED' | 'NOT_ANSWERED');

export interface TestedPart {
  readonly part: Tested;
  readonly outcome: TestOutcome;
  /** The number in the last week, or a lower bound if `isAll` is false. */
  readonly seen: number | null;
  readonly isAll: boolean;
  /** An `UpstreamCode`, or `UNDECODABLE`; `null` if it works. */
  readonly code: string | null;
  /** A sentence: what works, or what is wrong and what to do. */
  readonly message: string;
}

export interface IntegrationTest {
  readonly testedAt: Instant;
  readonly works: boolean;
  readonly parts: readonly TestedPart[];
  readonly token: TokenTimes | null;
  readonly calls: number;
}

interface TestOptions {
  readonly client: AbnormalClient;
  /** A token of this name in Abnormal's portal counts as the integration's own. */
  readonly name: string;
  readonly clock: () => number;
  /** Those that are collected. */
  readonly resources: readonly Resource[];
  readonly signal?: AbortSignal | undefined;
}

const SPAN = 7 * DAY;
/** Cases first, as the brief of the project has it. */
function inOrder(resources: readonly Resource[]): Resource[] {
  return [...resources].sort((a, b) => Number(b === 'cases') - Number(a === 'cases'));
}

/** One request per list if all is well. Every response is a result, not an error. */
export async function testIntegration(options: TestOptions): Promise<IntegrationTest> {
  const now = toInstant(options.clock());
  const meter = newMeter();
  const { signal } = options;
  const call: CallOptions = { priority: 'interactive', tries: 1, meter, ...(signal ? { signal } : {}) };
  const parts: TestedPart[] = [];
  for (const resource of inOrder(options.resources)) {
    const hopeless = parts.find(({ code }) => isHopeless(code));
    parts.push(hopeless ? skipped(resource, hopeless) : await testList(resource, options, call, now));
  }
  const hopeless = parts.find(({ code }) => isHopeless(code));
  const match = hopeless
    ? { part: skipped('tokens', hopeless), token: null }
    : await testTokens(options, call, now);
  const hinted = parts.map((part) =>
    isSeenEmpty(parts) && isInEveryAccount(part.part)
      ? { ...part, message: `${part.message} ${ACCESS_ADVICE}` }
      : part,
  );
  return {
    testedAt: now,
    works: parts.every(isFine) && parts.some(({ outcome }) => outcome === 'WORKS' || outcome === 'EMPTY'),
    parts: [...hinted, match.part],
    token: match.token,
    calls: meter.calls,
  };
}

function isFine({ outcome }: TestedPart): boolean {
  return outcome !== 'FAILED' && outcome !== 'SKIPPED';
}

/** Whether an account without the list has a wrong address rather than no licence. */
function isInEveryAccount(part: Tested): boolean {
  return part !== 'tokens' && DEFINITION_OF_RESOURCE[part].upstream.availability === 'EVERY_ACCOUNT';
}

/** Whether all that can be read is empty, over a span much longer than Abnormal takes to list what is new. */
function isSeenEmpty(parts: readonly TestedPart[]): boolean {
  const isEmpty = parts.some(({ part, outcome }) => isInEveryAccount(part) && outcome === 'EMPTY');
  return isEmpty && !parts.some(({ outcome }) => outcome === 'WORKS');
}

// wrong token, unreachable host or exhausted allowance: every list would fail
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

/** A kept-alive connection may just have been closed by the other side. */
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
  return `The list of ${resource} works and is empty: none in the last 7 days. Records of the last 15 minutes may not be listed yet.`;
}

function refused(part: Tested, error: unknown): TestedPart {
  if (error instanceof UpstreamError) {
    const { code, message } = error;
    const isOffered = isInEveryAccount(part) || (code !== 'NOT_LICENSED' && code !== 'NOT_ENABLED');
    const outcome = isOffered ? 'FAILED' : code;
    return { ...NOTHING, part, outcome, code, message };
  }
  if (!(error instanceof DecodeError)) throw error;
  const advice = 'Abnormal may have changed its API: check for a newer version of the gateway.';
  return { ...NOTHING, part, outcome: 'FAILED', code: 'UNDECODABLE', message: `${error.message}. ${advice}` };
}

function skipped(part: Tested, { part: before }: TestedPart): TestedPart {
  const what = part === 'tokens' ? 'The list of tokens' : `The list of ${part}`;
  const message = `${what} was not requested: see ${before}.`;
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
  readonly token: Secret | (() => Promise<Secret>);
  readonly timeoutMs: number;
  readonly clock: () => number;
  readonly resources: readonly Resource[];
  readonly log: Log;
  readonly lookup?: LookupFunction | undefined;
  readonly signal?: AbortSignal | undefined;
}

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

export function storedToken(
  vault: Pick<Vault, 'reveal'>,
  name: string,
  storedAt: Instant,
): () => Promise<Secret> {
  return () => vault.reveal(name, storedAt);
}

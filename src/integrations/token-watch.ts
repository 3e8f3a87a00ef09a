import type { ApiToken } from '../abnormal/client.js';
import { UpstreamError } from '../abnormal/errors.js';
import type { HistoryStore } from '../history/store.js';
import type { Log } from '../log.js';
import type { StreamState } from '../model/stream.js';
import {
  describeTokenState,
  endText,
  excessNote,
  permissionsToAct,
  type TokenSituation,
  type TokenTimes,
  tokenState,
} from '../model/token.js';
import { DEFINITION_OF_RESOURCE, KIND_OF, KINDS, RESOURCES } from '../resources/registry.js';
import { DAY, type Instant, shift, toInstant, toMillis } from '../values/instant.js';
import { type Account, type Accounts, ENVIRONMENT_ACCOUNT } from './accounts.js';
import type { Vault } from './stored-vault.js';
import { readTokenSituations, storeTokenExpiry } from './token-history.js';

interface TokenExpiryOptions {
  readonly store: HistoryStore;
  readonly vault: Pick<Vault, 'noteTimes'>;
  readonly accounts: Pick<Accounts, 'list'>;
  readonly clock: () => number;
  readonly log: Log;
}

/**
 * Stores the issue and expiry time of each token: one call a day per account, and one for a new token. May be
 * called at any time.
 */
export function refreshTokenExpiry(options: TokenExpiryOptions): (signal: AbortSignal) => Promise<void> {
  const isDue = oncePerDay(options.clock);
  return async (signal) => {
    const situations = await readTokenSituations(options.store);
    for (const account of options.accounts.list()) {
      const storedAt = situations.get(account.name)?.storedAt ?? null;
      if (storedAt === null || signal.aborted || !isDue(account.name, storedAt)) continue;
      const times = await askFor(account, options, signal);
      if (times) await storeTokenExpiry(options, account.name, storedAt, times);
    }
  };
}

async function askFor(
  { name, client }: Account,
  { clock, log }: TokenExpiryOptions,
  signal: AbortSignal,
): Promise<TokenTimes | null> {
  try {
    const tokens = await client.tokens({ priority: 'poll', tries: 1, signal });
    return matchToken(tokens, name, toInstant(clock())).token;
  } catch (error) {
    // the polls report account problems; here nothing was learnt
    const code = error instanceof UpstreamError ? error.code : 'UNDECODABLE';
    log.debug({ integration: name, code }, 'Abnormal did not return the end of the token');
    return null;
  }
}

interface TokenWarningOptions {
  readonly store: HistoryStore;
  readonly log: Log;
  readonly clock: () => number;
}

function replacementSteps(integration: string): string {
  const make =
    'Create one in the Abnormal portal (Settings → Integrations → Abnormal REST API), which shows it once, and';
  return integration === ENVIRONMENT_ACCOUNT
    ? `${make} set ABNORMAL_TOKEN to it.`
    : `${make} pass it to: integrations rotate ${integration}`;
}

export function reportToken(integration: string, situation: TokenSituation, now: Instant) {
  const state = tokenState(situation, now);
  return {
    state,
    /** `null` if Abnormal does not say. */
    permissions: situation.permissions ?? null,
    message: describeTokenState(situation, now, replacementSteps(integration)),
    mayAct: permissionsToAct(situation.permissions).length > 0,
  };
}

/** Warns once a day and at once when a token's state changes. May be called at any time. */
export function tokenExpiryWarnings({ store, log, clock }: TokenWarningOptions): () => Promise<void> {
  const isDue = oncePerDay(clock);
  return async () => {
    const now = toInstant(clock());
    for (const [integration, situation] of await readTokenSituations(store)) {
      const { state, message, mayAct } = reportToken(integration, situation, now);
      if (!isDue(integration, state) || (state === 'OK' && !mayAct)) continue;
      log[state === 'OK' ? 'info' : 'warn']({ integration, tokenState: state }, message);
    }
  };
}

/** Logs a warning for each account with only empty lists, once a day. May be called at any time. */
export function createEmptyWarnings({ store, log, clock }: TokenWarningOptions): () => Promise<void> {
  const isDue = oncePerDay(clock);
  const empty = new Set<string>();
  return async () => {
    const found = await emptyAccounts(store, await store.streams());
    for (const name of empty) if (!found.has(name)) isDue(name, 'NOT_EMPTY');
    empty.clear();
    for (const [integration, message] of found) {
      empty.add(integration);
      if (isDue(integration, 'EMPTY')) log.warn({ integration }, message);
    }
  };
}

/** Whether something is due again for `name`: once a day, and at once when `what` differs from the last time. */
function oncePerDay(clock: () => number): (name: string, what: string) => boolean {
  const done = new Map<string, { readonly what: string; readonly at: number }>();
  return (name, what) => {
    const at = clock();
    const before = done.get(name);
    if (before?.what === what && at - before.at < DAY) return false;
    done.set(name, { what, at });
    return true;
  };
}

/** The token in use, as Abnormal lists it. */
interface TokenMatch {
  readonly outcome: 'WORKS' | 'NOT_ANSWERED';
  /** The number of valid tokens; `null` if unknown. */
  readonly seen: number | null;
  readonly message: string;
  readonly token: TokenTimes | null;
}

const BY_AGE = 'its age counts from when it was stored in the gateway, and it must be replaced after 90 days';

/** Finds the token of the integration `name`; `null` if Abnormal does not list tokens. */
export function matchToken(tokens: readonly ApiToken[] | null, name: string, now: Instant): TokenMatch {
  if (tokens === null) {
    const message = `Abnormal does not return the end of the token for this account: ${BY_AGE}.`;
    return { outcome: 'NOT_ANSWERED', seen: null, message, token: null };
  }
  const valid = tokens.filter((token) => isValid(token, now));
  const own = ownAmong(valid, name);
  if (own === null) return { ...NOT_TOLD, seen: valid.length, message: unclear(valid.length, name) };
  const { createdAt: issuedAt, expiresAt, permissions } = own;
  const message = [endOf(expiresAt, now), mayOf(permissions)].filter((text) => text !== null).join(' ');
  const token = { issuedAt, expiresAt, ...(permissions && { permissions }) };
  return { outcome: 'WORKS', seen: valid.length, message, token };
}

const NOT_TOLD = { outcome: 'NOT_ANSWERED', token: null } as const;

function isValid({ status, expiresAt }: ApiToken, now: Instant): boolean {
  return (status === null || status === 'active') && (expiresAt === null || expiresAt > now);
}

/** No response says which token was used: the only valid one, or the only one of this name. */
function ownAmong(valid: readonly ApiToken[], name: string): ApiToken | null {
  const named = valid.filter((token) => token.name?.trim().toLowerCase() === name);
  const [own, ...others] = valid.length === 1 ? valid : named;
  return own && others.length === 0 ? own : null;
}

function unclear(count: number, name: string): string {
  if (count === 0) return `Abnormal lists no valid token, although this one works: ${BY_AGE}.`;
  const advice = `Name exactly one token "${name}" in the Abnormal portal, so that the gateway knows its end; until then ${BY_AGE}`;
  return `Abnormal lists ${count} valid tokens and does not say which of them is this one. ${advice}.`;
}

function endOf(expiresAt: Instant | null, now: Instant): string {
  if (expiresAt === null) return `Abnormal does not return the end of the token: ${BY_AGE}.`;
  return `The token ${endText(expiresAt, now)}.`;
}

function mayOf(permissions: readonly string[] | null): string | null {
  if (permissions === null) return null;
  return excessNote(permissions) ?? `Its permissions: ${permissions.join(', ')}.`;
}

/** What to do if Abnormal answers with empty lists only. */
export const ACCESS_ADVICE =
  'If the account has attacks by e-mail, the token may not be allowed to see them: give it full portal access for the API, and add this gateway’s IP address to the account’s allowlist (Abnormal portal: Settings → Integrations → Abnormal REST API).';

type Reads = Pick<HistoryStore, 'head' | 'count' | 'countQuarantine' | 'ledger'>;
type Answered = StreamState & { readonly lastSuccessAt: Instant };

/**
 * A message for each account that Abnormal answers for, but has listed nothing of for longer than
 * `INGESTION_LAG`. Every account has threats at some time, so this usually means missing access.
 */
export async function emptyAccounts(
  store: Reads,
  states: readonly StreamState[],
): Promise<ReadonlyMap<string, string>> {
  const answered = states.filter(isAnswered);
  if (answered.length === 0) return new Map();
  const { seq } = await store.head();
  const found = await Promise.all(
    answered.map(async (state) => {
      const message = (await isEmpty(store, state, seq)) ? messageOf(state) : null;
      return message === null ? [] : [[state.integration, message] as const];
    }),
  );
  return new Map(found.flat());
}

function isAnswered(state: StreamState): state is Answered {
  const { resource, filterKey, status, lastSuccessAt } = state;
  const { upstream, streams } = DEFINITION_OF_RESOURCE[resource];
  const isTold = upstream.availability === 'EVERY_ACCOUNT' && filterKey === streams[0].filterKey;
  return isTold && status === 'OK' && lastSuccessAt !== null;
}

async function isEmpty(store: Reads, state: Answered, seq: number): Promise<boolean> {
  const { integration, collectFrom, lastSuccessAt } = state;
  const integrations = [integration];
  for (const resource of RESOURCES) {
    const query = { kind: KIND_OF[resource], integrations, filter: null, seq };
    if ((await store.count(query)) > 0) return false;
  }
  if ((await store.countQuarantine({ integrations, kinds: KINDS })) > 0) return false;
  // the oldest window is read last: once it is read, everything has been read
  const oldest = await store.ledger(state, collectFrom, shift(collectFrom, 1000), seq);
  return oldest.some(({ readAt, settledTo, listed }) => {
    const lag = toMillis(readAt) - toMillis(settledTo);
    return listed === 0 && toMillis(lastSuccessAt) > toMillis(readAt) + lag;
  });
}

function messageOf({ collectFrom }: StreamState): string {
  return `Abnormal responds, but has listed no threat, case or campaign since ${collectFrom.slice(0, 10)}. ${ACCESS_ADVICE}`;
}

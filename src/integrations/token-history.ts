import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { z } from 'zod';
import type { HistoryStore } from '../history/store.js';
import { changeDocument } from '../history/store-access.js';
import {
  EARLIER_TOKENS_KEPT,
  type EarlierToken,
  factsOf,
  hasTokenTimes,
  type KnownTokens,
  type TokenHistory,
  type TokenSituation,
  type TokenTimes,
  withTokenTimes,
} from '../model/token.js';
import { type Instant, latest, shift, toInstant } from '../values/instant.js';
import type { Secret } from '../values/secret.js';
import { ENVIRONMENT_ACCOUNT } from './accounts.js';
import type { Vault } from './stored-vault.js';
import { describeStored, TOKEN_SHAPE, VaultError } from './vault.js';

export async function readTokenHistories(store: HistoryStore): Promise<TokenHistory[]> {
  const stored = (await store.documents('integrations')).flatMap((document) => {
    const integration = readable(() => describeStored(document));
    return integration ? [historyOf(integration.name, integration)] : [];
  });
  const environment = await readEnvironmentToken(store);
  return environment ? [...stored, historyOf(ENVIRONMENT_ACCOUNT, environment)] : stored;
}

/** By the name of the integration; see `tokenState`. */
export async function readTokenSituations(store: HistoryStore): Promise<Map<string, TokenSituation>> {
  const [histories, streams] = await Promise.all([readTokenHistories(store), store.streams()]);
  return new Map(
    histories.flatMap(({ integration, tokens }) => {
      const token = tokens.at(-1);
      if (!token) return [];
      const { storedAt } = token;
      // a token stored after the refusal is another one
      const isRejected = streams.some(
        (stream) =>
          stream.integration === integration &&
          stream.status === 'TOKEN_REJECTED' &&
          (stream.lastAttemptAt ?? '') >= storedAt,
      );
      return [[integration, { ...factsOf(token), isRejected }] as const];
    }),
  );
}

function historyOf(integration: string, { token, earlierTokens }: KnownTokens): TokenHistory {
  return { integration, tokens: [...earlierTokens, { ...factsOf(token), replacedAt: null }] };
}

/** For the token that is in use since `storedAt`. */
export function storeTokenExpiry(
  { store, vault }: { readonly store: HistoryStore; readonly vault: Pick<Vault, 'noteTimes'> },
  integration: string,
  storedAt: Instant,
  times: TokenTimes,
): Promise<void> {
  return integration === ENVIRONMENT_ACCOUNT
    ? noteEnvironmentTimes(store, storedAt, times)
    : vault.noteTimes(integration, storedAt, times);
}

/** Changed text is reported when the vault is opened; a report need not fail for it. */
function readable<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof VaultError) return null;
    throw error;
  }
}

// the environment's token: its age is remembered, the token is not
const COLLECTION = 'settings';
const ID = 'environment-token';
const BODY = z.object({
  ...TOKEN_SHAPE,
  salt: z.string(),
  /** A salted hash: recognises another token, and does not reveal this one. */
  fingerprint: z.string(),
});
type Body = z.infer<typeof BODY>;

const derive = promisify<string, Buffer, number, Buffer>(scrypt);

/** Stores when the environment's token was first seen, and that another one was replaced. */
export async function noteEnvironmentToken(
  store: HistoryStore,
  token: Secret,
  clock: () => number,
): Promise<KnownTokens> {
  return change(store, async (body) => {
    if (body && (await isSame(body, token))) return null;
    const salt = randomBytes(16);
    const fingerprint = (await fingerprintOf(token, salt)).toString('base64');
    const now = toInstant(clock());
    const storedAt = body ? latest(now, shift(body.storedAt, 1)) : now;
    const times = { storedAt, issuedAt: null, expiresAt: null };
    return { ...times, salt: salt.toString('base64'), fingerprint, earlierTokens: earlier(body, storedAt) };
  });
}

/** Stores what Abnormal reports about the token first seen at `storedAt`, unless it was replaced. */
export async function noteEnvironmentTimes(
  store: HistoryStore,
  storedAt: Instant,
  times: TokenTimes,
): Promise<void> {
  if ((await readEnvironmentToken(store)) === null) return;
  await change(store, (body) => {
    if (body === null || body.storedAt !== storedAt || hasTokenTimes(body, times)) return null;
    return withTokenTimes(body, times);
  });
}

/** `null` if there was never a token. */
export async function readEnvironmentToken(store: HistoryStore): Promise<KnownTokens | null> {
  const body = readBody((await store.document(COLLECTION, ID))?.body);
  return body && describe(body);
}

async function change(
  store: HistoryStore,
  make: (body: Body | null) => Body | null | Promise<Body | null>,
): Promise<KnownTokens> {
  const { document } = await changeDocument(store, COLLECTION, ID, ({ body }) => make(readBody(body)));
  return describe(BODY.parse(document.body));
}

function readBody(body: unknown): Body | null {
  const read = BODY.safeParse(body);
  return read.success ? read.data : null;
}

function earlier(body: Body | null, replacedAt: Instant): EarlierToken[] {
  if (body === null) return [];
  return [...body.earlierTokens, { ...factsOf(body), replacedAt }].slice(-EARLIER_TOKENS_KEPT);
}

async function isSame({ salt, fingerprint }: Body, token: Secret): Promise<boolean> {
  const own = await fingerprintOf(token, Buffer.from(salt, 'base64'));
  const held = Buffer.from(fingerprint, 'base64');
  return own.length === held.length && timingSafeEqual(own, held);
}

/** Slow on purpose, so that a stolen file does not allow trying tokens by the million. */
function fingerprintOf(token: Secret, salt: Buffer): Promise<Buffer> {
  return derive(token.reveal(), salt, 32);
}

function describe(body: Body): KnownTokens {
  return { token: factsOf(body), earlierTokens: body.earlierTokens };
}

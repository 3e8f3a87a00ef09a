import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { z } from 'zod';
import type { HistoryStore } from '../history/store.js';
import { type Instant, latest, shift, toInstant } from '../values/instant.js';
import type { Secret } from '../values/secret.js';
import { ENVIRONMENT_ACCOUNT } from './accounts.js';
import type { TokenSituation } from './token.js';
import {
  describeStored,
  type EarlierToken,
  factsOf,
  hasTokenTimes,
  type TokenFacts,
  type TokenTimes,
  VaultError,
  withTokenTimes,
} from './vault.js';

interface TokenPeriod extends TokenFacts {
  /** When another one replaced it; `null` for the present one. */
  readonly replacedAt: Instant | null;
}

interface TokenHistory {
  readonly integration: string;
  readonly tokens: readonly TokenPeriod[];
}

export async function readTokenHistories(store: HistoryStore): Promise<TokenHistory[]> {
  const stored = (await store.documents('integrations')).flatMap((document) => {
    const integration = readable(() => describeStored(document));
    return integration ? [historyOf(integration.name, integration)] : [];
  });
  const environment = await readEnvironmentToken(store);
  return environment ? [...stored, historyOf(ENVIRONMENT_ACCOUNT, environment)] : stored;
}

/** What is known of every integration's token, by name; see `tokenState`. */
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

function historyOf(
  integration: string,
  {
    token,
    earlierTokens,
  }: {
    readonly token: TokenFacts;
    readonly earlierTokens: readonly (TokenFacts & { readonly replacedAt: Instant })[];
  },
): TokenHistory {
  return { integration, tokens: [...earlierTokens, { ...factsOf(token), replacedAt: null }] };
}

/** A manipulated document is reported when the vault is opened; a report need not fail. */
function readable<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof VaultError) return null;
    throw error;
  }
}

/** What is stored about the environment's token, without the token. */
interface EnvironmentToken {
  /** `storedAt` is when the gateway first saw it. */
  readonly token: TokenFacts;
  readonly earlierTokens: readonly EarlierToken[];
}

const COLLECTION = 'settings';
const ID = 'environment-token';
const ATTEMPTS = 20;
const REMEMBERED = 50;
const instant = z.string().length(24);
const facts = {
  ...{ storedAt: instant, issuedAt: instant.nullable(), expiresAt: instant.nullable() },
  permissions: z.array(z.string()).readonly().optional(),
};
const BODY = z.object({
  ...facts,
  salt: z.string(),
  /** A salted hash: recognises another token, and does not reveal this one. */
  fingerprint: z.string(),
  earlierTokens: z.array(z.object({ ...facts, replacedAt: instant })),
});
type Body = z.infer<typeof BODY>;

const derive = promisify<string, Buffer, number, Buffer>(scrypt);

/** Stores when the environment's token was first seen, and that another one was replaced. */
export async function noteEnvironmentToken(
  store: HistoryStore,
  token: Secret,
  clock: () => number,
): Promise<EnvironmentToken> {
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
  await change(store, async (body) => {
    if (body === null || body.storedAt !== storedAt || hasTokenTimes(body, times)) return null;
    return withTokenTimes(body, times);
  });
}

export async function readEnvironmentToken(store: HistoryStore): Promise<EnvironmentToken | null> {
  const body = BODY.safeParse((await store.document(COLLECTION, ID))?.body);
  return body.success ? describe(body.data) : null;
}

async function change(
  store: HistoryStore,
  make: (body: Body | null) => Promise<Body | null>,
): Promise<EnvironmentToken> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const document = await store.document(COLLECTION, ID);
    const read = BODY.safeParse(document?.body);
    const held = read.success ? read.data : null;
    const body = await make(held);
    const now = body ?? held;
    if (now === null) break;
    const isDone = body === null || (await store.putDocument(COLLECTION, ID, body, document?.version ?? 0));
    if (isDone) return describe(now);
  }
  throw new Error('what is remembered of the token in the environment keeps changing');
}

function earlier(body: Body | null, replacedAt: Instant): EarlierToken[] {
  if (body === null) return [];
  return [...body.earlierTokens, { ...factsOf(body), replacedAt }].slice(-REMEMBERED);
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

function describe(body: Body): EnvironmentToken {
  return { token: factsOf(body), earlierTokens: body.earlierTokens };
}

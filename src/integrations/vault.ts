import { z } from 'zod';
import type { StoredDocument } from '../model/documents.js';
import { factsOf, type KnownTokens, RIGHT_TOKEN, type TokenFacts, wrongWithToken } from '../model/token.js';
import type { Instant } from '../values/instant.js';
import type { Secret } from '../values/secret.js';
import { type Region, regionOf } from './address.js';
import { type Cipher, MAKES_KEY, type NotOpenedError, sealingKeyId } from './encryption.js';

/** A region or a base URL; default: the US region. */
export interface Address {
  readonly region?: Region | undefined;
  readonly baseUrl?: string | undefined;
}

export interface NewIntegration extends Address {
  readonly name: string;
  readonly token: Secret;
}

export type VaultErrorCode =
  | 'BAD_NAME'
  | 'BAD_TOKEN'
  | 'BAD_ADDRESS'
  | 'EXISTS'
  | 'NOT_FOUND'
  | 'NO_KEY'
  /** A stored token has another key or was manipulated. */
  | 'NOT_OPENED'
  /** Others kept changing the same integration. */
  | 'BUSY';

/** The message says what to do and contains neither token nor key. */
export class VaultError extends Error {
  override readonly name = 'VaultError';

  constructor(
    readonly code: VaultErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Throws a `VaultError` for what cannot be a token. */
export function checkToken(token: Secret): void {
  const wrong = wrongWithToken(token.reveal());
  if (wrong !== null) throw new VaultError('BAD_TOKEN', `The token ${wrong}. Accepted: ${RIGHT_TOKEN}.`);
}

/** The last four characters, by which people tell tokens apart; nothing of a short one. */
export function hintOf(token: Secret): string {
  const text = token.reveal();
  return text.length < 12 ? '' : text.slice(-4);
}

/** A stored token does not decrypt. */
export function notOpened(name: string, error: NotOpenedError, cipher: Cipher): VaultError {
  const { reason, message } = error;
  const known = cipher.knownKeyIds.join(', ');
  const again = `store its token again (integrations rotate ${name}) or remove it (integrations remove ${name}; its history stays)`;
  const what =
    reason === 'UNKNOWN_KEY'
      ? `ENCRYPTION_KEY is not the key of the token of the integration "${name}": ${message}, and ENCRYPTION_KEY contains ${known}. Add that key after the current one, comma-separated (current,older). If it is lost, ${again}.`
      : `The stored token of the integration "${name}" cannot be decrypted: ${message}. Restore the history from a backup, or ${again}.`;
  return new VaultError('NOT_OPENED', what, { cause: error });
}

export function noKey(name: string | null): VaultError {
  const what =
    name === null
      ? `Tokens are only stored encrypted, and ENCRYPTION_KEY is not set. Create a key with: ${MAKES_KEY}`
      : `The integration "${name}" is stored, but ENCRYPTION_KEY is not set. Set it to the key that encrypted the integration's token. If it is lost, remove the integration (integrations remove ${name}; its history stays).`;
  return new VaultError('NO_KEY', what);
}

export function heldAlready(name: string): VaultError {
  const what = `"${name}" has this token already. Create another in the Abnormal portal (Settings → Integrations → Abnormal REST API).`;
  return new VaultError('BAD_TOKEN', what);
}

export function badAddress(wrong: string, right: string): VaultError {
  return new VaultError('BAD_ADDRESS', `The address ${wrong}. Accepted: ${right}.`);
}

export function exists(name: string): VaultError {
  const what = `The integration "${name}" already exists. To replace its token: integrations rotate ${name}`;
  return new VaultError('EXISTS', what);
}

export function notFound(name: string): VaultError {
  return new VaultError(
    'NOT_FOUND',
    `No integration "${name}" is stored. To list stored integrations: integrations list`,
  );
}

export function busy(name: string, what = 'integration'): VaultError {
  return new VaultError('BUSY', `The ${what} "${name}" is being changed by other processes. Retry.`);
}

export interface StoredIntegration extends KnownTokens {
  /** Part of every key and global id, so it never changes. */
  readonly name: string;
  readonly baseUrl: string;
  readonly region: Region | null;
  readonly createdAt: Instant;
  readonly token: TokenFacts & {
    /** The last four characters; empty for a short token. */
    readonly hint: string;
    /** The id of its encryption key; `null` if the text is malformed. */
    readonly keyId: string | null;
  };
}

const instant = z.string().length(24);
const facts = {
  ...{ storedAt: instant, issuedAt: instant.nullable(), expiresAt: instant.nullable() },
  permissions: z.array(z.string()).readonly().optional(),
};
export const TOKEN_SHAPE = {
  ...facts,
  earlierTokens: z.array(z.object({ ...facts, replacedAt: instant })),
};
const BODY = z.object({
  ...TOKEN_SHAPE,
  baseUrl: z.url(),
  createdAt: instant,
  updatedAt: instant,
  hint: z.string(),
  sealed: z.string(),
});
export type IntegrationBody = Readonly<z.infer<typeof BODY>>;

/** Parses an integration's document. Throws a `VaultError` if it is invalid. */
export function readBody({ id, body }: StoredDocument): IntegrationBody {
  const read = BODY.safeParse(body);
  if (read.success) return read.data;
  const what = `The stored data of the integration "${id}" cannot be read: they were changed, or written by another version of the gateway. Remove the integration (integrations remove ${id}; its history stays) and add it again.`;
  throw new VaultError('NOT_OPENED', what);
}

export function describeStored(document: StoredDocument): StoredIntegration {
  const { baseUrl, createdAt, earlierTokens, ...own } = readBody(document);
  return {
    ...{ name: document.id, baseUrl, region: regionOf(baseUrl), createdAt, earlierTokens },
    token: { ...factsOf(own), hint: own.hint, keyId: sealingKeyId(own.sealed) },
  };
}

import { z } from 'zod';
import type { DocumentBody, StoredDocument } from '../model/documents.js';
import type { Instant } from '../values/instant.js';
import { type Region, regionOf } from './address.js';
import { sealingKeyId } from './cipher.js';
import type { TokenTimes } from './vault.js';
import { VaultError } from './vault-error.js';

/** What is known of a token without knowing it. */
export interface TokenFacts {
  /** When it was given to the gateway (UTC). */
  readonly storedAt: Instant;
  /** When Abnormal made it, and when it ends; `null` where Abnormal does not say. */
  readonly issuedAt: Instant | null;
  readonly expiresAt: Instant | null;
  /** What it may do; absent where Abnormal does not say. */
  readonly permissions?: readonly string[] | undefined;
}

/** A token that another has replaced. */
export interface EarlierToken extends TokenFacts {
  readonly replacedAt: Instant;
}

/** An integration as it is kept, without its token. */
export interface StoredIntegration {
  /** Part of every key and every global id, so it never changes. */
  readonly name: string;
  readonly baseUrl: string;
  /** The region served at that address; `null` for another. */
  readonly region: Region | null;
  readonly createdAt: Instant;
  readonly updatedAt: Instant;
  /** One more at each change: whoever holds an older one must read the integration, and its token, again. */
  readonly version: number;
  readonly token: TokenFacts & {
    /** Its last four characters; empty for a short one. */
    readonly hint: string;
    /** The id of the key that sealed it; `null` where that was overwritten. */
    readonly keyId: string | null;
  };
  /** Oldest first. */
  readonly earlierTokens: readonly EarlierToken[];
}

/** What an integration's document holds. */
export interface IntegrationBody extends TokenFacts {
  readonly baseUrl: string;
  readonly createdAt: Instant;
  readonly updatedAt: Instant;
  readonly hint: string;
  /** The token as the cipher sealed it. */
  readonly sealed: string;
  readonly earlierTokens: readonly EarlierToken[];
}

const instant = z.string().length(24);
const facts = {
  ...{ storedAt: instant, issuedAt: instant.nullable(), expiresAt: instant.nullable() },
  permissions: z.array(z.string()).readonly().optional(),
};
const BODY = z.object({
  ...facts,
  baseUrl: z.url(),
  createdAt: instant,
  updatedAt: instant,
  hint: z.string(),
  sealed: z.string(),
  earlierTokens: z.array(z.object({ ...facts, replacedAt: instant })),
});

/** Reads an integration's document. Throws a `VaultError` when it is not one. */
export function readBody({ id, body }: StoredDocument): IntegrationBody {
  const read = BODY.safeParse(body);
  if (read.success) return read.data;
  const what = `What is stored of the integration "${id}" does not read: it was changed, or written by another version of the gateway. Remove it (integrations remove ${id}; its history stays) and add it again.`;
  throw new VaultError('NOT_OPENED', what);
}

export function writeBody(body: IntegrationBody): DocumentBody {
  return { ...body };
}

/** What may be known of a stored integration. */
export function describeStored(document: StoredDocument): StoredIntegration {
  const { baseUrl, createdAt, updatedAt, earlierTokens, ...own } = readBody(document);
  const { storedAt, issuedAt, expiresAt, permissions, hint, sealed } = own;
  const keyId = sealingKeyId(sealed);
  return {
    ...{ name: document.id, baseUrl, region: regionOf(baseUrl), createdAt, updatedAt, earlierTokens },
    version: document.version,
    token: { storedAt, issuedAt, expiresAt, ...(permissions && { permissions }), hint, keyId },
  };
}

/** The facts alone of something that holds more. */
export function factsOf({ storedAt, issuedAt, expiresAt, permissions }: TokenFacts): TokenFacts {
  return { storedAt, issuedAt, expiresAt, ...(permissions && { permissions }) };
}

/** Whether what Abnormal says of a token is what is noted of it. */
export function isSameTold(facts: TokenFacts, told: TokenTimes): boolean {
  const isSame = facts.issuedAt === told.issuedAt && facts.expiresAt === told.expiresAt;
  return isSame && facts.permissions?.join() === told.permissions?.join();
}

/** What is stored of a token, with what Abnormal says of it now. */
export function withTold<T extends TokenFacts>(facts: T, told: TokenTimes): T {
  const { issuedAt, expiresAt, permissions } = told;
  const { permissions: _earlier, ...others } = facts;
  return { ...others, issuedAt, expiresAt, ...(permissions && { permissions }) } as T;
}

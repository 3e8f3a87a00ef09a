import { z } from 'zod';
import type { DocumentBody, StoredDocument } from '../model/documents.js';
import {
  type EarlierToken,
  factsOf,
  type KnownTokens,
  RIGHT_TOKEN,
  type TokenFacts,
  type TokenTimes,
  wrongWithToken,
} from '../model/token.js';
import type { Instant } from '../values/instant.js';
import type { Secret } from '../values/secret.js';
import { type Region, regionOf } from './address.js';
import { type Cipher, MAKES_KEY, type NotOpenedError, sealingKeyId } from './encryption.js';

/** Where an integration is read from: a region, or an address of its own; the US region unless given. */
export interface Address {
  readonly region?: Region | undefined;
  readonly baseUrl?: string | undefined;
}

export interface NewIntegration extends Address {
  readonly name: string;
  readonly token: Secret;
}

/**
 * The integrations that are kept, each with its token, which is write-only: it is sealed under
 * `ENCRYPTION_KEY`, bound to its integration's name and address. Every refusal is a `VaultError`.
 */
export interface Vault {
  /** By name. */
  list(): Promise<StoredIntegration[]>;
  /** `null` where there is none. */
  get(name: string): Promise<StoredIntegration | null>;
  /** Refuses what `add` would refuse, before anybody is asked for a token; gives the address that is meant. */
  prepare(name: string, address: Address): Promise<string>;
  add(integration: NewIntegration): Promise<StoredIntegration>;
  /** The address that is meant, as it is kept. */
  resolve(address: Address): string;
  /**
   * Another address, with a token for it: a token is never sent elsewhere than where whoever gave it said,
   * and Abnormal's tokens work in one region only.
   */
  update(name: string, address: Address, token: Secret): Promise<StoredIntegration>;
  /** Whether it is the very token that is stored; false if that does not open. */
  holds(name: string, token: Secret): Promise<boolean>;
  /** Another token for the same address; `BAD_TOKEN` for the one that is there already. */
  rotate(name: string, token: Secret): Promise<StoredIntegration>;
  /** Notes what Abnormal says of the token stored at `storedAt`; nothing happens when another is there by now. */
  noteTimes(name: string, storedAt: Instant, times: TokenTimes): Promise<void>;
  /** Forgets the token. What was recorded of the integration stays in the history. */
  remove(name: string): Promise<void>;
  /**
   * The token, which only `integrations/` and the client's request may look into. With `storedAt`, that very one:
   * `BUSY` when another is there by now, which may be meant for another address.
   */
  reveal(name: string, storedAt?: Instant): Promise<Secret>;
  /** Seals every token under the current key; how many were under another. */
  reseal(): Promise<{ readonly resealed: number; readonly current: number }>;
  /** Throws a `VaultError` that says what to do when a stored token does not open. */
  check(): Promise<void>;
}

/** Why the vault refuses. */
export type VaultErrorCode =
  /** The name is not one that an integration may have. */
  | 'BAD_NAME'
  | 'BAD_TOKEN'
  | 'BAD_ADDRESS'
  /** One of that name is there already. */
  | 'EXISTS'
  | 'NOT_FOUND'
  /** `ENCRYPTION_KEY` is not set, so that no token can be kept or opened. */
  | 'NO_KEY'
  /** A stored token was sealed under another key, or was tampered with. */
  | 'NOT_OPENED'
  /** Others kept changing the same integration. */
  | 'BUSY';

/** The vault refuses; the message is for a person, says what to do and holds neither token nor key. */
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
  if (wrong !== null) throw new VaultError('BAD_TOKEN', `The token ${wrong}. Right: ${RIGHT_TOKEN}.`);
}

/** The last four characters, by which people tell tokens apart; nothing of a short one. */
export function hintOf(token: Secret): string {
  const text = token.reveal();
  return text.length < 12 ? '' : text.slice(-4);
}

/** The sealed token of the integration `name` does not open. */
export function notOpened(name: string, error: NotOpenedError, cipher: Cipher): VaultError {
  const { reason, message } = error;
  const known = cipher.knownKeyIds.join(', ');
  const again = `give its token again (integrations rotate ${name}) or remove it (integrations remove ${name}; its history stays)`;
  const what =
    reason === 'UNKNOWN_KEY'
      ? `ENCRYPTION_KEY is not the key for the token of the integration "${name}": ${message}, and ENCRYPTION_KEY holds ${known}. Put that key back, after the current one and a comma (current,older). If it is lost, ${again}.`
      : `The stored token of the integration "${name}" does not open: ${message}. Restore the history from a backup, or ${again}.`;
  return new VaultError('NOT_OPENED', what, { cause: error });
}

/** There is no key to keep a token under, or to open that of the integration `name` with. */
export function noKey(name: string | null): VaultError {
  const what =
    name === null
      ? `A token is only kept encrypted, and ENCRYPTION_KEY is not set. Make one with: ${MAKES_KEY}`
      : `The integration "${name}" is stored, and ENCRYPTION_KEY, under which its token is encrypted, is not set. Set it to the key that was there when the integration was added; if that is lost, remove the integration (integrations remove ${name}; its history stays).`;
  return new VaultError('NO_KEY', what);
}

export function heldAlready(name: string): VaultError {
  const what = `That is the token that "${name}" has already: make a new one in the Abnormal portal (Settings → Integrations → Abnormal REST API).`;
  return new VaultError('BAD_TOKEN', what);
}

export function badAddress(wrong: string, right: string): VaultError {
  return new VaultError('BAD_ADDRESS', `The address ${wrong}. Right: ${right}.`);
}

export function exists(name: string): VaultError {
  const what = `An integration "${name}" is there already. For another token: integrations rotate ${name}`;
  return new VaultError('EXISTS', what);
}

export function notFound(name: string): VaultError {
  return new VaultError('NOT_FOUND', `No integration "${name}" is stored. Those that are: integrations list`);
}

export function busy(name: string): VaultError {
  return new VaultError('BUSY', `Others keep changing the integration "${name}"; try again.`);
}

/** An integration as it is kept, without its token. */
export interface StoredIntegration extends KnownTokens {
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
/** The part of a document that holds what is known of the present token and of those before it. */
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
  const { hint, sealed } = own;
  return {
    ...{ name: document.id, baseUrl, region: regionOf(baseUrl), createdAt, updatedAt, earlierTokens },
    version: document.version,
    token: { ...factsOf(own), hint, keyId: sealingKeyId(sealed) },
  };
}

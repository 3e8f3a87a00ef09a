import type { Instant } from '../values/instant.js';

/** The gateway's own data: each collection contains small documents by id. */
export const COLLECTIONS = ['integrations', 'apiKeys', 'drift', 'settings'] as const;
export type Collection = (typeof COLLECTIONS)[number];

/** In `settings`: which policy is in use. */
export const POLICY_DOCUMENT = 'policy';

/** In `settings`: the text of a policy that was ever in use. */
export function policyTextDocument(digest: string): string {
  return `${POLICY_DOCUMENT}-${digest}`;
}

export type DocumentBody = Readonly<Record<string, unknown>>;

export interface StoredDocument {
  readonly id: string;
  /** 1 when new, incremented by each change; a writer names the version that it changes. */
  readonly version: number;
  readonly body: DocumentBody;
}

/** Append-only: `audit`, who did what; `seals`, the chain of proofs; `events`, what webhooks notify of besides changes. */
export type Journal = 'audit' | 'seals' | 'events';

export interface JournalEntry {
  readonly index: number;
  readonly at: Instant;
  readonly body: DocumentBody;
}

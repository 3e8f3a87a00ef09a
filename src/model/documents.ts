import type { Instant } from '../values/instant.js';

/** The gateway's own data: each collection contains small documents by id. */
export const COLLECTIONS = ['integrations', 'apiKeys', 'drift', 'settings'] as const;
export type Collection = (typeof COLLECTIONS)[number];

export type DocumentBody = Readonly<Record<string, unknown>>;

export interface StoredDocument {
  readonly id: string;
  /** 1 when new, incremented by each change; a writer names the version that it changes. */
  readonly version: number;
  readonly body: DocumentBody;
}

/** Append-only: `audit`, who did what; `seals`, the chain of proofs. */
export const JOURNALS = ['audit', 'seals'] as const;
export type Journal = (typeof JOURNALS)[number];

export interface JournalEntry {
  readonly index: number;
  readonly at: Instant;
  readonly body: DocumentBody;
}

import type { Instant } from '../values/instant.js';

/** What the gateway keeps of its own, beside what it read: each collection holds small documents by id. */
export const COLLECTIONS = ['integrations', 'apiKeys', 'drift', 'settings'] as const;
export type Collection = (typeof COLLECTIONS)[number];

/** A JSON object; whoever keeps it decodes it. */
export type DocumentBody = Readonly<Record<string, unknown>>;

/** One document as it stands. */
export interface StoredDocument {
  readonly id: string;
  /** 1 when new, one more at each change: who writes says which version it changes. */
  readonly version: number;
  readonly body: DocumentBody;
}

/** What is only ever added to: `audit`, who did what; `seals`, the chain of proofs over the history. */
export const JOURNALS = ['audit', 'seals'] as const;
export type Journal = (typeof JOURNALS)[number];

/** One entry of a journal. Its place says that none before it is missing. */
export interface JournalEntry {
  /** From 1, without holes. */
  readonly index: number;
  /** When the store took it (UTC). */
  readonly at: Instant;
  readonly body: DocumentBody;
}

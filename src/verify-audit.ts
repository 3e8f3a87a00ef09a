import { auditDigest } from './audit-entry.js';
import type { HistoryStore } from './history/store.js';
import type { JournalEntry } from './model/documents.js';

/** Whether the trail is as it was written. */
export interface AuditChain {
  readonly length: number;
  readonly intact: boolean;
  /** The entry that does not fit the one before it, or is missing; `null` where all fit. */
  readonly brokenAt: number | null;
}

const PAGE = 500;

/**
 * Walks the whole trail and sees whether each entry carries the digest of the one before. What it cannot see is that
 * the newest entries are gone or were all written anew: for that, keep the digest of an entry elsewhere.
 */
export async function verifyAudit(store: Pick<HistoryStore, 'journal'>): Promise<AuditChain> {
  let last: JournalEntry | null = null;
  for (;;) {
    const from: number | null = last?.index ?? null;
    const entries = await store.journal({ journal: 'audit', from, descending: false, limit: PAGE });
    for (const entry of entries) {
      if (!follows(entry, last))
        return { length: entry.index, intact: false, brokenAt: (last?.index ?? 0) + 1 };
      last = entry;
    }
    if (entries.length < PAGE) return { length: last?.index ?? 0, intact: true, brokenAt: null };
  }
}

function follows(entry: JournalEntry, last: JournalEntry | null): boolean {
  if (entry.index !== (last?.index ?? 0) + 1) return false;
  return entry.body.previous === (last ? auditDigest(last) : null);
}

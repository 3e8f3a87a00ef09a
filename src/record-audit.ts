import { type AuditEntry, type AuditEvent, auditBody, auditDigest, toAuditEntry } from './audit-entry.js';
import type { HistoryStore } from './history/store.js';
import { latest, toInstant } from './values/instant.js';

/** What writing to the trail takes; the clock in milliseconds since the epoch. */
export interface AuditMeans {
  readonly store: Pick<HistoryStore, 'append' | 'journal'>;
  readonly clock: () => number;
}

/** Somebody else was first each time: more often than that, and the store is not doing what it says. */
const MOST_TRIES = 1000;

/** Writes down who did what. Throws when the history does not take it: then it must not pass for done. */
export async function recordAudit({ store, clock }: AuditMeans, event: AuditEvent): Promise<AuditEntry> {
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    const [last] = await store.journal({ journal: 'audit', from: null, descending: true, limit: 1 });
    const index = (last?.index ?? 0) + 1;
    const now = toInstant(clock());
    // a clock that was set back must not make the trail look out of order
    const at = last ? latest(now, last.at) : now;
    const body = auditBody(event, last ? auditDigest(last) : null);
    if (await store.append('audit', index, at, body)) return toAuditEntry({ index, at, body });
  }
  throw new Error(`an entry could not be added to the audit trail in ${MOST_TRIES} tries`);
}

/**
 * Does `work` and writes down what came of it: `done` says what was done, with the outcome's detail made from
 * what `work` gave, or from the message of its error, which is thrown on.
 */
export async function audited<T>(
  means: AuditMeans,
  done: Omit<AuditEvent, 'outcome' | 'detail'>,
  work: () => Promise<T>,
  detailOf: (result: T) => string | null = () => null,
): Promise<T> {
  let result: T;
  try {
    result = await work();
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    await recordAudit(means, { ...done, outcome: 'FAILED', detail });
    throw error;
  }
  await recordAudit(means, { ...done, outcome: 'SUCCEEDED', detail: detailOf(result) });
  return result;
}

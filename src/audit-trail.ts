import { type HistoryStore, limitedPage, walkPages } from './history/store.js';
import type { JournalEntry } from './model/documents.js';
import type { Caller, CallerKind, Role } from './values/access.js';
import { canonicalJson, sha256 } from './values/canonical-json.js';
import { type Instant, latest, toInstant } from './values/instant.js';

/** The actions that the audit trail records. */
export const AUDIT_ACTIONS = [
  'CONNECT_INTEGRATION',
  'UPDATE_INTEGRATION',
  'ROTATE_INTEGRATION_TOKEN',
  'REMOVE_INTEGRATION',
  'TEST_INTEGRATION',
  'CREATE_API_KEY',
  'REVOKE_API_KEY',
  'ROTATE_ENCRYPTION_KEY',
  'POLL',
  'BACKFILL',
  'RECONCILE',
  'EXPORT',
  'REPORT',
] as const;
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

/** `FAILED`: it was tried and did not succeed. */
export const AUDIT_OUTCOMES = ['SUCCEEDED', 'FAILED'] as const;
export type AuditOutcome = (typeof AUDIT_OUTCOMES)[number];

/** Who did what, and what came of it. */
export interface AuditEvent {
  readonly caller: Caller;
  readonly action: AuditAction;
  /** What it was done to: an integration's name, a key's id; `null` where it is nothing in particular. */
  readonly target: string | null;
  readonly outcome: AuditOutcome;
  /** For a person; never holds a credential. */
  readonly detail: string | null;
}

/** An event as the trail has it. */
export interface AuditRecord extends AuditEvent {
  /** From 1, without holes. */
  readonly index: number;
  /** When it was written down (UTC). */
  readonly at: Instant;
  /** The `digest` of the entry before; `null` for the first. */
  readonly previous: string | null;
  /** SHA-256 of the RFC 8785 canonical JSON of the entry as stored, in hex: its place, its instant, all it says. */
  readonly digest: string;
}

/** What an event becomes in the journal, after the entry `previous`. */
function auditBody({ caller, action, target, outcome, detail }: AuditEvent, previous: string | null) {
  const { kind, id, name, role } = caller;
  return { previous, caller: { kind, id, name, role }, action, target, outcome, detail };
}

/** SHA-256 of an entry as stored, in hex. */
function auditDigest({ index, at, body }: JournalEntry): string {
  return sha256(canonicalJson({ index, at, body }));
}

/** Reads an entry of the journal. An altered entry is read as far as possible: the digests show the alteration. */
export function toAuditEntry(entry: JournalEntry): AuditRecord {
  const { index, at, body } = entry;
  const caller = (body.caller ?? {}) as Readonly<Record<string, unknown>>;
  return {
    index,
    at,
    caller: {
      kind: String(caller.kind) as CallerKind,
      id: String(caller.id),
      name: String(caller.name),
      role: String(caller.role) as Role,
    },
    action: String(body.action) as AuditAction,
    target: textOf(body.target),
    outcome: String(body.outcome) as AuditOutcome,
    detail: textOf(body.detail),
    previous: textOf(body.previous),
    digest: auditDigest(entry),
  };
}

function textOf(value: unknown): string | null {
  return value === null || value === undefined ? null : String(value);
}

/** What writing to the trail takes; the clock in milliseconds since the epoch. */
interface AuditServices {
  readonly store: Pick<HistoryStore, 'append' | 'journal'>;
  readonly clock: () => number;
}

/** Attempts, each lost to another writer: more of them mean that the store does not work as it must. */
const MOST_TRIES = 1000;

/** Writes down who did what. Throws when the history does not take it: then it must not pass for done. */
export async function recordAudit({ store, clock }: AuditServices, event: AuditEvent): Promise<AuditRecord> {
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    const [last] = await store.journal({ journal: 'audit', from: null, descending: true, limit: 1 });
    const index = (last?.index ?? 0) + 1;
    const now = toInstant(clock());
    // a clock that was set back must not make the trail look out of order
    const at = last ? latest(now, last.at) : now;
    const body = auditBody(event, last ? auditDigest(last) : null);
    if (await store.append('audit', index, at, body)) return toAuditEntry({ index, at, body });
  }
  throw new Error(`an entry could not be added to the audit trail in ${MOST_TRIES} attempts`);
}

/**
 * Does `work` and writes down what came of it: `done` says what was done, with the outcome's detail made from
 * what `work` gave, or from the message of its error, which is thrown on.
 */
export async function audited<T>(
  services: AuditServices,
  done: Omit<AuditEvent, 'outcome' | 'detail'>,
  work: () => Promise<T>,
  detailOf: (result: T) => string | null = () => null,
): Promise<T> {
  let result: T;
  try {
    result = await work();
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    await recordAudit(services, { ...done, outcome: 'FAILED', detail });
    throw error;
  }
  await recordAudit(services, { ...done, outcome: 'SUCCEEDED', detail: detailOf(result) });
  return result;
}

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
 * the newest entries were removed or all rewritten: for that, keep the digest of an entry elsewhere.
 */
export async function verifyAudit(store: Pick<HistoryStore, 'journal'>): Promise<AuditChain> {
  let last: JournalEntry | null = null;
  const query = { journal: 'audit', descending: false, limit: PAGE } as const;
  const read = async (from: number | null) => limitedPage(await store.journal({ ...query, from }), PAGE);
  for await (const entries of walkPages(read, ({ index }) => index)) {
    for (const entry of entries) {
      if (!follows(entry, last))
        return { length: entry.index, intact: false, brokenAt: (last?.index ?? 0) + 1 };
      last = entry;
    }
  }
  return { length: last?.index ?? 0, intact: true, brokenAt: null };
}

function follows(entry: JournalEntry, last: JournalEntry | null): boolean {
  if (entry.index !== (last?.index ?? 0) + 1) return false;
  return entry.body.previous === (last ? auditDigest(last) : null);
}
